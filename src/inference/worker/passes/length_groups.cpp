#include "inference/worker/passes/length_groups.hpp"

#include <limits>

namespace millrace::inference::worker {

// The least cost of the first n, for each n, by where their last group begins.
std::vector<std::size_t> group_lengths(std::span<const Stretch> sorted, std::int64_t most_rows, const PassCost& cost) {
    std::vector<double> least(sorted.size() + 1, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> begins(sorted.size() + 1, 0);
    least[0] = 0;
    for (std::size_t end = 1; end <= sorted.size(); ++end) {
        std::int64_t rows = 0;
        for (std::size_t begin = end; begin-- > 0;) {
            rows += sorted[begin].rows;
            if (rows > most_rows && begin + 1 < end) break;
            const double total =
                least[begin] + cost.pass + cost.token * static_cast<double>(rows * sorted[end - 1].length);
            if (total > least[end]) continue; // of equals the larger group
            least[end] = total;
            begins[end] = begin;
        }
    }
    std::vector<std::size_t> ends;
    for (auto end = sorted.size(); end > 0; end = begins[end]) ends.insert(ends.begin(), end);
    return ends;
}

} // namespace millrace::inference::worker
