#include "inference/worker/passes/length_groups.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace millrace::inference::worker;
using Ends = std::vector<std::size_t>;

namespace {

std::vector<Stretch> texts(std::initializer_list<std::int64_t> lengths) {
    std::vector<Stretch> out;
    for (const auto length : lengths) out.push_back({1, length});
    return out;
}

double cost_of(const std::vector<Stretch>& sorted, const Ends& ends, const PassCost& cost) {
    double total = 0;
    std::size_t begin = 0;
    for (const auto end : ends) {
        std::int64_t rows = 0;
        for (; begin < end; ++begin) rows += sorted[begin].rows;
        total += cost.pass + cost.token * static_cast<double>(rows * sorted[end - 1].length);
    }
    return total;
}

// All ways to cut, tried.
double least_cost(const std::vector<Stretch>& sorted, const PassCost& cost, std::int64_t most) {
    double least = 1e300;
    for (std::size_t cuts = 0; cuts < (std::size_t{1} << (sorted.size() - 1)); ++cuts) {
        Ends ends;
        for (std::size_t i = 0; i + 1 < sorted.size(); ++i)
            if (cuts >> i & 1) ends.push_back(i + 1);
        ends.push_back(sorted.size());
        std::size_t begin = 0;
        bool fits = true;
        for (const auto end : ends) {
            std::int64_t rows = 0;
            for (auto i = begin; i < end; ++i) rows += sorted[i].rows;
            fits = fits && (rows <= most || end - begin == 1);
            begin = end;
        }
        if (fits) least = std::min(least, cost_of(sorted, ends, cost));
    }
    return least;
}

} // namespace

TEST_CASE("near lengths share a pass, and short texts are not filled up to long ones") {
    CHECK(group_lengths({}, 32, {}) == Ends{});
    CHECK(group_lengths(texts({7}), 32, {}) == Ends{1});
    CHECK(group_lengths(texts({10, 11, 12, 12}), 32, {}) == Ends{4});     // not one pass a length
    CHECK(group_lengths(texts({10, 11, 12, 200}), 32, {}) == Ends{3, 4}); // 38 tokens of filling against 8
    CHECK(group_lengths(texts({10, 11, 12, 13, 200}), 32, {.pass = 1000, .token = 1}) == Ends{5});
}

TEST_CASE("a pass has no more rows than the model takes, but for one request that has more") {
    CHECK(group_lengths(texts({5, 5, 5, 5, 5}), 2, {}).size() == 3);
    const std::vector<Stretch> large{{3, 4}, {40, 5}, {2, 6}};
    CHECK(group_lengths(large, 8, {.pass = 1000, .token = 1}) == Ends{1, 2, 3});
}

TEST_CASE("no way of cutting costs less") {
    std::mt19937 random{7};
    for (int round = 0; round < 200; ++round) {
        std::vector<Stretch> sorted(1 + random() % 9);
        for (auto& each : sorted)
            each = {1 + static_cast<std::int64_t>(random() % 3), 1 + static_cast<std::int64_t>(random() % 100)};
        std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.length < b.length; });
        const PassCost cost{.pass = static_cast<double>(random() % 60), .token = 1};
        const std::int64_t most = 3 + static_cast<std::int64_t>(random() % 8);
        CHECK(cost_of(sorted, group_lengths(sorted, most, cost), cost) ==
              doctest::Approx(least_cost(sorted, cost, most)));
    }
}
