// What is to be run, and how it ended. Plain values.
#pragma once
#include "processors/exec/output.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::processors {

struct Launch {
    std::filesystem::path executable, scratch; // of the guard; not there yet
    std::vector<std::string> command, environment;
    std::string input;
    std::uint64_t memory_bytes = 0; // 0: no limit
    std::size_t max_output_bytes = 1 << 20;
    std::chrono::milliseconds time_limit{3'600'000}, grace{5000};
};

struct Finished {
    std::optional<int> status; // as waitpid() gives it; nullopt: not started, or its guard was killed
    int start_error = 0;       // errno
    bool timed_out = false;
    Output output{0};
    std::string errors; // the end of what it wrote to standard error
};

} // namespace millrace::processors
