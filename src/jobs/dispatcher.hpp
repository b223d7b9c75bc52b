// Takes waiting jobs in order, leases them, runs their processors and records how they ended. Everything happens on
// the dispatcher's own thread; other threads leave messages. A claim is committed before its processor starts, and
// an end before anybody hears of it.
#pragma once
#include "async/guarded.hpp"
#include "async/io_pool.hpp"
#include "jobs/processor.hpp"
#include "jobs/rate_meter.hpp"
#include "jobs/ready_queue.hpp"
#include "jobs/retry_policy.hpp"
#include "jobs/waiters.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace millrace::jobs {

struct DispatcherOptions {
    std::size_t concurrency = 256; // attempts at once, over all kinds
    int max_lost = 20;             // daemon deaths under one job before it is dead
    int max_worker_kills = 3;      // worker deaths under one job before it is dead
    RetryPolicy retry;
};

struct QueueSnapshot {
    struct Queue {
        std::string name;
        std::size_t queued = 0, running = 0, scheduled = 0;
    };
    std::vector<Queue> queues;
    std::size_t queued = 0, running = 0, scheduled = 0;
    std::map<model::JobState, std::int64_t> ended; // since the store was made
    double submitted_per_second = 0, finished_per_second = 0;
};

struct JobOutlook {
    std::optional<std::size_t> position;        // of a waiting job
    std::optional<int> progress_percent;        // of a running one
    std::optional<double> seconds_remaining;
};

class Dispatcher {
public:
    Dispatcher(store::Database& database, Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics, DispatcherOptions options);
    ~Dispatcher();

    // Before start(): the kinds that run here. Borrowed.
    void add(Processor& processor);
    const Processor* processor(std::string_view kind) const;

    // Rebuilds the queue from the store; blocks. What ran when the daemon died waits again.
    Result<void> recover();
    void start();
    // Takes no more, waits for what runs, then gives the rest back to the queue. Blocks.
    void stop(std::chrono::milliseconds patience);

    // A job was committed as waiting. Any thread.
    void enqueue(JobId id, std::string queue, std::string kind, int priority, Timestamp due, bool is_new);
    // A job was committed as cancelled: ends the attempt, if one runs here. Any thread.
    void cancelled(JobId id);

    Waiters& waiters() { return waiters_; }
    awaitable<QueueSnapshot> snapshot();
    awaitable<JobOutlook> outlook(model::Job job);
    std::size_t backlog() const { return backlog_.load(std::memory_order_relaxed); }

private:
    struct Arrival {
        JobId id;
        std::string queue, kind;
        int priority;
        Timestamp due;
        bool is_new;
    };
    struct Lease {
        JobId id;
        OrganizationId organization;
        std::int64_t token;
        LaneIndex lane;
        Timestamp started_at;
        int attempt = 0, max_attempts = 0, priority = 0;
        double timeout_seconds = 0;
        std::string payload;
    };
    struct Running {
        Lease lease;
        Monotonic began, deadline;
        int progress = 0;
        asio::cancellation_signal stop;
    };
    struct Ended {
        JobId id;
        std::int64_t token;
        LaneIndex lane;
        std::optional<model::JobState> state; // nullopt: fenced off, or the write failed
        std::optional<Waiting> retry;
        double seconds;
    };
    using Message = std::function<void()>;

    void send(Message message); // any thread
    void deliver();
    void arrive(const Arrival& arrival);
    void pump();
    void claim(std::vector<Waiting> batch);
    void begin(std::vector<Lease> leases);
    awaitable<Outcome> attempt(Processor& processor, Attempt attempt);
    void record(const Lease& lease, Outcome outcome, double seconds);
    std::optional<model::JobState> write_end(store::Session& session, const Lease& lease, const Outcome& outcome, Timestamp now,
                                             std::optional<Waiting>& retry) const;
    void end(const Ended& ended);
    void release_running();
    void tick();
    void arm_timer();

    store::Database& database_;
    Clock& clock_;
    telemetry::Log& log_;
    DispatcherOptions options_;
    std::map<std::string, Processor*, std::less<>> processors_;
    Waiters waiters_;
    async::Guarded<std::vector<Message>> mailbox_;
    std::atomic<std::size_t> backlog_{0};

    // ── on the dispatcher's thread ──
    ReadyQueue queue_;
    // Shared with the attempt's coroutine, which may outlive its lease and still needs `stop`.
    std::unordered_map<JobId, std::shared_ptr<Running>> running_;
    std::map<std::string, std::size_t, std::less<>> running_by_kind_; // claimed and running
    std::size_t slots_taken_ = 0;
    std::map<std::string, double, std::less<>> mean_seconds_; // by kind, exponentially weighted
    std::map<model::JobState, std::int64_t> ended_;
    RateMeter submitted_, finished_;
    bool stopping_ = false;
    Timestamp next_sweep_{};

    telemetry::Counter& submitted_total_;
    std::map<model::JobState, telemetry::Counter*> ended_total_;
    telemetry::Counter& retried_total_;
    telemetry::Histogram& run_seconds_;

    async::IoPool thread_{"dispatch", 1}; // last: joined before what it uses goes
    asio::steady_timer timer_{thread_.at(0)};
};

} // namespace millrace::jobs
