// What a job kind implements: one class in one folder of src/processors, registered in app. All calls come on the
// dispatcher's thread; run() must not block it: await a timer, a pool or an engine.
#pragma once
#include "async/awaitable.hpp"
#include "base/result.hpp"
#include "model/job.hpp"

#include <boost/json/value.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace::store {
class Session;
}

namespace millrace::jobs {

// A write that belongs to a job's result: done in the transaction that records the result, and so exactly once.
using Effect = std::function<void(store::Session&)>;

struct Attempt {
    JobId job;
    OrganizationId organization;
    int number = 1;       // 1 for the first
    int priority = model::default_priority;
    std::string payload;  // JSON text, as accepted by check()
    Monotonic deadline;   // the attempt is ended then
    std::function<void(int percent)> progress;
};

struct Success {
    std::string result; // JSON text
    std::vector<Effect> effects;
};

struct Failure {
    enum class Kind {
        retryable,   // counts against max_attempts
        permanent,   // trying again cannot help
        worker_lost, // the worker process died under it: tried again, three times at most
    };
    Kind kind = Kind::retryable;
    model::JobError error;
    std::optional<std::chrono::milliseconds> retry_after; // instead of the policy's delay
};

using Outcome = std::variant<Success, Failure>;

class Processor {
public:
    virtual ~Processor() = default;
    virtual std::string_view kind() const = 0;
    // How many of this kind may run at once.
    virtual std::size_t concurrency() const = 0;
    // Called at submit, on an io thread: unprocessable when the payload can never work. Thread-safe.
    virtual Result<void> check(OrganizationId organization, const boost::json::value& payload) const = 0;
    // One attempt. When the attempt is cancelled or timed out, asio cancellation reaches the coroutine; what it
    // returns after that is dropped.
    virtual awaitable<Outcome> run(Attempt attempt) = 0;
};

} // namespace millrace::jobs
