// A named queue: what its operator has set. Plain values; no I/O.
#pragma once
#include "base/clock.hpp"
#include "base/json.hpp"
#include "values/retry_policy.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::values {

// a-z, 0-9, _ and -, beginning with a letter or digit, 63 bytes at most.
bool is_queue_name(std::string_view name);

struct QueueSettings {
    bool external = false;                  // worked by lease, takes any kind; otherwise the daemon runs its jobs
    std::optional<std::size_t> concurrency; // jobs of it at once
    std::optional<double> rate;             // jobs begun per second; a second's worth may begin together
    std::optional<std::size_t> max_backlog; // jobs that may wait in it
    std::optional<RetryPolicy> retry;       // the defaults of its jobs
    std::optional<int> max_attempts, priority;
    std::optional<double> timeout_seconds;
    bool breaker = true; // whether too many failures stop it

    // {"external","concurrency","rate","max_backlog","retry","max_attempts","priority","timeout_seconds","breaker"},
    // every member optional. unprocessable, with what is wrong.
    static Result<QueueSettings> from_json(const json::value& value);
    json::object to_json() const;
};

struct Pause {
    Timestamp since;
    std::optional<Timestamp> until;
    std::string reason, actor;
};

} // namespace millrace::values
