// When a failed attempt is tried again: 1 s, 2 s, 4 s … after the first, second, third failure, each made up to a
// fifth shorter or longer so that jobs that failed together do not come back together. Pure.
#pragma once
#include <chrono>
#include <cstdint>

namespace millrace::jobs {

struct RetryPolicy {
    std::chrono::milliseconds first{1000};
    double factor = 2.0;
    std::chrono::milliseconds longest{3'600'000};
    double jitter = 0.2; // share of the delay, either way

    // `failures` ≥ 1 so far; `random` is any 64 random bits.
    std::chrono::milliseconds delay(int failures, std::uint64_t random) const;
};

} // namespace millrace::jobs
