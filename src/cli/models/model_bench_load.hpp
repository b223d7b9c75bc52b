// Clients that send predictions as fast as they are answered.
#pragma once
#include "cli/models/model_bench_figures.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace millrace::cli {

struct Load {
    std::filesystem::path socket;
    double timeout = 30;               // seconds that an answer may take
    std::vector<std::string> requests; // whole HTTP requests, sent in turn
    std::size_t concurrency = 1, batch = 1;
    double warm_up = 0.5, seconds = 5; // the warm-up lasts at least until every connection has had an answer
};

struct Outcome {
    Cell cell;
    std::string problem; // the first answer that was an error, in its own words; empty: none
};

// Runs the load on so many threads, each with one kept connection; blocks. `elapsed` is called about ten times a second
// with the share of the measurement that is done. Ends early, with what there is, when `stop` becomes true. Throws
// Failure when the daemon cannot be reached.
Outcome run_load(const Load& load, const std::atomic<bool>& stop, const std::function<void(double share)>& elapsed);

} // namespace millrace::cli
