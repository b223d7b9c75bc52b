// What a job kind implements: one class in one folder of src/processors, registered in app. All calls but check() and
// resource() come on the dispatcher's thread; run() must not block it: await a timer, a pool or an engine.
#pragma once
#include "async/awaitable.hpp"
#include "base/result.hpp"
#include "values/job.hpp"

#include <boost/json/value.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace::store {
class OrganizationSession;
}

namespace millrace::jobs {

// A write that belongs to a job's result: done in the transaction that records the result, and so exactly once.
using Effect = std::function<void(store::OrganizationSession&)>;

struct Attempt {
    JobId job; // also the key that makes an effect outside idempotent: the same in every attempt
    OrganizationId organization;
    std::string kind, queue;
    int number = 1; // 1 for the first
    int priority = values::default_priority;
    std::string payload; // JSON text, as accepted by check()
    Monotonic deadline;  // the attempt is ended then
    std::function<void(int percent)> progress;
};

struct Success {
    std::string result; // JSON text
    std::vector<Effect> effects;
};

struct Failure {
    enum class Kind {
        retryable,   // counts against max_attempts
        permanent,   // trying again cannot help: the input is at fault
        worker_lost, // it ended its worker process (a crash, a hang): as retryable, and three of them end the job
                     // whatever it allows
        spared,      // another job's fault: tried again at once, counts for nothing
    };
    Kind kind = Kind::retryable;
    values::JobError error;
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
    // False: it passes payloads on and looks into none, so that nobody has to make a value of them. Its jobs need no
    // resource.
    virtual bool reads_payload() const { return true; }
    // What a job with this payload needs besides a slot, such as the name of a model: jobs of one resource share a
    // breaker, which opens when too many of them fail. Empty: nothing. Called at submit, after check(). Thread-safe.
    virtual std::string resource(const boost::json::value&) const { return {}; }
    // Why no job that needs this resource can be done now, for whoever asks why one is not done; empty: nothing stands
    // in the way. Called on the dispatcher's thread: no waiting.
    virtual std::string obstacle(OrganizationId, std::string_view) const { return {}; }
    // One attempt. When the attempt is cancelled or timed out, asio cancellation reaches the coroutine, which ends
    // soon; what it returns after that is dropped.
    virtual awaitable<Outcome> run(Attempt attempt) = 0;
};

} // namespace millrace::jobs
