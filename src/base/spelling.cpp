#include "base/spelling.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace millrace {

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
    std::string_view best;
    auto least = std::max<std::size_t>(3, word.size() / 3);
    for (const auto each : known) {
        const auto far = distance(word, each);
        if (far >= least || far >= each.size()) continue;
        least = far;
        best = each;
    }
    return best;
}

} // namespace millrace
