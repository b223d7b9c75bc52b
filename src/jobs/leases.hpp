// The lease API for workers outside the daemon: they take jobs of an external queue, keep their leases alive and
// report. A lease ends on the monotonic clock, so that a jump of the wall clock ends none. Thread-safe.
#pragma once
#include "jobs/dispatcher.hpp"
#include "values/principal.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

struct LeaseRequest {
    std::string queue;
    std::string worker; // a name for people
    std::size_t most = 1;
    std::chrono::milliseconds wait{0};       // for a first job
    std::chrono::milliseconds lease{30'000}; // without a heartbeat
};

// The attempt that a worker may write for: job and token, as the text that the worker sends back.
struct LeaseToken {
    JobId job;
    std::int64_t token = 0;
    std::string text() const; // 32 hex digits of the id, 16 of the token
    static std::optional<LeaseToken> parse(std::string_view text);
};

struct LeasedJob {
    LeaseToken token;
    values::Job job; // with its payload; `job.attempt` is the number of this attempt
    std::chrono::milliseconds lease{};
};

struct Heartbeat {
    std::chrono::milliseconds lease{}; // that it is good for again
};

class Leases {
public:
    Leases(store::Database& database, Dispatcher& dispatcher, Clock& clock)
        : database_{database},
          dispatcher_{dispatcher},
          clock_{clock} {}

    // Up to `most` jobs, at once when there are some, else when the first comes, else none after `wait`. conflict when
    // the queue is not external; unavailable when too many workers wait or the daemon stops. When the coroutine is
    // cancelled, because the worker has gone, it waits no longer; jobs that were on their way come all the same, for
    // take_back().
    awaitable<Result<std::vector<LeasedJob>>> take(values::Principal who, LeaseRequest request);
    // Jobs that never reached their worker: they wait again at once, and it was no attempt.
    void take_back(const std::vector<LeaseToken>& undelivered);

    // conflict: the token is stale; another attempt, a cancel or an expiry has taken the job away. Nothing was written.
    awaitable<Result<Heartbeat>> heartbeat(values::Principal who, LeaseToken token,
                                           std::optional<int> progress_percent);
    awaitable<Result<void>> complete(values::Principal who, LeaseToken token, std::string result_json);
    awaitable<Result<void>> fail(values::Principal who, LeaseToken token, values::JobError error, bool retryable,
                                 std::optional<std::chrono::milliseconds> retry_after);

private:
    awaitable<Result<void>> end(values::Principal who, LeaseToken token, Outcome outcome);

    store::Database& database_;
    Dispatcher& dispatcher_;
    Clock& clock_;
};

} // namespace millrace::jobs
