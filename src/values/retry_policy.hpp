// When a failed attempt is tried again. Pure.
#pragma once
#include "base/json.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::values {

struct RetryPolicy {
    // The delay after the nth failure: first·factorⁿ⁻¹, first·n, first, the nth of `delays` (the last again and again),
    // or n⁴+15 s, which is what Sidekiq's users know.
    enum class Backoff { exponential, linear, fixed, list, polynomial };

    Backoff backoff = Backoff::exponential;
    std::chrono::milliseconds first{1000};
    double factor = 2.0;
    std::chrono::milliseconds longest{3'600'000};
    double jitter = 0.2; // share of the delay, either way: jobs that failed together do not come back together
    std::vector<std::chrono::milliseconds> delays;
    std::vector<std::string> never; // error codes after which trying again cannot help

    // Before jitter; `failures` ≥ 1 so far.
    std::chrono::milliseconds planned(int failures) const;
    // `random` is any 64 random bits.
    std::chrono::milliseconds delay(int failures, std::uint64_t random) const;
    bool retries(std::string_view error_code) const;

    // {"backoff":"exponential","first_seconds":1,"factor":2,"longest_seconds":3600,"jitter":0.2,"delays_seconds":[…],
    // "never":["bad_input"]}, every member optional, or the name of a back-off alone. unprocessable, with what is
    // wrong.
    static Result<RetryPolicy> from_json(const json::value& value);
    json::value to_json() const;
};

} // namespace millrace::values
