// How texts of several lengths are put into forward passes: near lengths share one, filled up to the longest, and the
// filling costs less than a pass of their own would. Pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace::inference::worker {

struct Stretch {
    std::int64_t rows = 1;
    std::int64_t length = 1; // of each row, in tokens
};

// What a pass takes: `pass` by itself and `token` for each token of each row, the filling counted. In any unit.
struct PassCost {
    double pass = 8, token = 1; // until it was measured: a pass costs as much as eight tokens
};

// `sorted` by length, shortest first. The ends of the groups, each one past its last; together they cost the least. No
// group has more than `most_rows`, but for one that is larger by itself.
std::vector<std::size_t> group_lengths(std::span<const Stretch> sorted, std::int64_t most_rows, const PassCost& cost);

} // namespace millrace::inference::worker
