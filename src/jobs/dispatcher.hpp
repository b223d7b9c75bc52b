// Takes waiting jobs in order, leases them, runs their processors and records how they ended. Everything happens on
// the dispatcher's own thread; other threads leave messages. A claim is committed before its processor starts, and
// an end before anybody hears of it.
#pragma once
#include "async/guarded.hpp"
#include "async/io_pool.hpp"
#include "jobs/dispatch/dispatcher_view.hpp"
#include "jobs/dispatch/limits.hpp"
#include "jobs/dispatch/rate_meter.hpp"
#include "jobs/dispatch/scheduler.hpp"
#include "jobs/dispatch/waiters.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/ending/total_repository.hpp"
#include "jobs/leases/attempt_repository.hpp"
#include "jobs/processor.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace millrace::jobs {

struct DispatcherOptions {
    SchedulerOptions scheduler;
    EndRules rules;
    std::size_t max_backlog = 1'000'000;     // jobs waiting, over all queues
    std::size_t most_waiting_workers = 4096; // external workers that wait for a job
    // Beyond these, new work is refused; asked once a second. Empty: there is room.
    std::function<std::string()> no_room = [] { return std::string{}; };
};

// A job on its way into the queue, after its commit.
struct Arrival {
    JobId id;
    OrganizationId organization;
    KeyId key;
    int organization_weight = 1, key_weight = 1;
    std::string queue, kind, resource;
    int priority = values::default_priority;
    values::JobState state = values::JobState::queued;
    Timestamp due;
    std::optional<Timestamp> ends_by; // the earlier of expires_at and deadline_at
    bool is_new = true;               // counted as submitted
};

// Jobs of the same request, which are not in line yet: with them the limits would be passed.
struct Admitted {
    std::size_t all = 0, blobs = 0;
    std::map<std::string, std::size_t, std::less<>> of_queue;
    std::size_t in(std::string_view queue) const {
        const auto at = of_queue.find(queue);
        return at == of_queue.end() ? 0 : at->second;
    }
};

// What an external worker is given.
struct Handed {
    JobId id;
    std::int64_t token = 0;
};

std::int64_t new_lease_token(); // cannot be guessed

// What an attempt's end says about its queue and its resource.
Scheduler::Verdict verdict_on(const Outcome& outcome);

class Dispatcher {
public:
    Dispatcher(store::Database& database, Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics,
               DispatcherOptions options);
    ~Dispatcher();

    // Before start(): the kinds that run here. Borrowed.
    void add(Processor& processor);
    const Processor* processor(std::string_view kind) const;

    // Rebuilds the queue from the store; blocks. What ran in the daemon when it died waits again; what an external
    // worker has keeps its lease, from its beginning.
    Result<void> recover();
    void start();
    // First of all at a stop: whoever waits for a job outside is told that there is none, before the connections go.
    void dismiss_workers();
    // Takes no more, waits for what runs, then gives the rest back to the queue. Blocks.
    void stop(std::chrono::milliseconds patience);

    // ── any thread ──
    // Why there is no place for another job: unavailable, with when to try again.
    Result<void> admits(const OrganizationId& organization, std::string_view queue, std::string_view kind,
                        std::string_view resource, const Admitted& beside = {});
    // The same for a job that ended and is to wait again; unprocessable when nothing runs its kind any more. An open
    // breaker holds it in line, where it may become the breaker's probe: somebody has asked for it by hand.
    Result<void> admits_again(const OrganizationId& organization, std::string_view queue, std::string_view kind,
                              const Admitted& beside = {});
    QueueTable& table() { return table_; }
    values::RetryPolicy retry_policy(const values::Job& job);

    // A slot for a job that begins as it is submitted: when nothing waits and nothing limits its queue and kind. Given
    // back by begin_at_once() after the commit, or by unreserve().
    bool reserve(const Queue& queue, std::string_view kind, std::string_view resource);
    void unreserve() {
        scheduler_.unreserve();
        look_again();
    }
    void begin_at_once(Lease lease, Arrival arrival);

    void enqueue(Arrival arrival); // committed as scheduled, blocked or queued
    void enqueue(std::vector<Arrival> arrivals);
    // Committed as ended while it waited or ran, with what that released: a cancel, an expiry, a purge.
    void ended_elsewhere(Settled settled);
    void rules_changed(QueuePtr queue); // its rules were set: they are taken over
    // Committed: jobs of a queue that was resumed, a breaker reset …: look again.
    void look_again();

    // External workers. Called back once, on the dispatcher's thread: with jobs whose claim is committed, or none.
    using Given = std::function<void(Result<std::vector<Handed>>)>;
    using WorkerTicket = std::uint64_t;
    WorkerTicket hand_out(QueuePtr queue, std::string worker, std::size_t most, std::chrono::milliseconds wait,
                          std::chrono::milliseconds lease, Given given);
    // The worker has gone: it is called back with none, unless its jobs are on their way. Any ticket, any number of
    // times.
    void withdraw_worker(WorkerTicket ticket);
    // Jobs that could not be delivered to their worker wait again at once, as if they had not been handed out.
    void take_back(std::vector<Handed> undelivered);
    // Whether this lease is alive; moves its end. The store is the judge, this is the clock.
    void heartbeat(JobId id, std::int64_t token, std::optional<int> progress_percent);
    void reported(JobId id, std::int64_t token, Settled settled, Scheduler::Verdict verdict); // its end was committed

    Waiters& waiters() { return waiters_; }
    awaitable<QueueSnapshot> snapshot();
    awaitable<JobOutlook> outlook(values::Job job);
    // Of each, in this order, how far it told to be; nullopt when it does not run here. Not in the store: told too
    // often.
    awaitable<std::vector<std::optional<int>>> progress(std::vector<JobId> jobs);
    // Over what the store says of those that run: anything with id, state and progress_percent, in place.
    template <class Item>
    awaitable<void> add_progress(std::span<Item> items);
    std::size_t backlog() const {
        return static_cast<std::size_t>(std::max<std::int64_t>(0, backlog_.load(std::memory_order_relaxed)));
    }
    const EndRules& end_rules() const { return options_.rules; }

private:
    struct Running {
        Lease lease;
        LaneIndex lane = 0;
        OwnerIndex owner = 0;
        Monotonic began, deadline;                         // the attempt is ended then
        std::optional<std::chrono::milliseconds> external; // length of an external worker's lease
        Monotonic lease_ends{Monotonic::max()};
        int progress = 0;
        bool ending = false;   // its end is on its way into the store, or there
        bool recorded = false; // it is there
        bool stopped = false;  // its coroutine has ended; true from the start for external workers
        Scheduler::Verdict verdict = Scheduler::Verdict::nothing;
        asio::cancellation_signal stop;
    };
    using RunningPtr = std::shared_ptr<Running>; // shared with the attempt's coroutine, which may outlive its lease
    struct WorkerWaiting {
        WorkerTicket ticket;
        QueuePtr queue;
        std::string worker;
        std::size_t most;
        Monotonic until;
        std::chrono::milliseconds lease;
        Given given;
    };
    struct Ended {
        RunningPtr running;
        Outcome outcome;
        std::optional<values::RetryPolicy> policy; // of a failure
    };
    using Ends = std::shared_ptr<std::vector<Ended>>; // shared by the task and its callback
    using Message = std::function<void()>;

    Now now() const { return {clock_.now(), clock_.monotonic()}; }
    void send(Message message); // any thread
    void deliver();
    Result<void> has_place(const OrganizationId& organization, std::string_view queue,
                           const Admitted& beside); // any thread
    void count_before(const total_repository::Total& total);
    Waiting waiting(const Arrival& arrival);
    void arrive(const Arrival& arrival);
    void pump();
    void claim(std::vector<Waiting> batch);
    void begin(std::vector<std::optional<Lease>> leases, const std::vector<Waiting>& batch);
    void run(RunningPtr running);
    awaitable<Outcome> attempt(Processor& processor, Attempt attempt);
    void stopped(const RunningPtr& running, Outcome outcome); // its coroutine ended
    void give_back(Running& running);                         // its slot, when it has both stopped and been recorded
    void give_back(LaneIndex lane, Scheduler::Verdict verdict);
    RunningPtr seat(Lease lease, const Waiting& job);
    void not_claimed(JobId id, LaneIndex lane);
    void let_go(std::int64_t token, const Waiting& job);

    void serve_workers();
    void claim_for(WorkerWaiting worker, std::vector<Waiting> batch);
    void left_line(const Waiting& job);
    void put_back(const Waiting& job, bool later);
    void take_back(const Handed& undelivered);
    void taken_back(const RunningPtr& running, const Result<std::optional<Timestamp>>& released);

    void record(Ended ended);
    void flush_ends();
    void write_ends(Ends ends);
    void not_recorded(Ends ends, const Error& why);
    void recorded(Running& running, const Settled& settled);
    void wait_again(const Moved& own);
    void settle(const Settled& settled);
    void settle(const Moved& moved);
    void go_on_settling();
    void take_from_runner(JobId id);
    void count_end(Queue& queue, const Moved& moved);
    Waiting waiting(const Moved& moved);
    void release_running();
    void tick();
    void sweep();
    void sweep_piece();
    void fold_totals();
    void fold_piece(std::shared_ptr<std::vector<total_repository::Key>> surplus);
    void expire_due();
    void look_for_room();
    void arm_timer();
    void tell_breakers(LaneIndex lane, Scheduler::Changed changed);
    void count_open_breakers();
    QueueCounts counts(Queue& queue);
    void keep_totals_of_given_up();

    store::Database& database_;
    Clock& clock_;
    telemetry::Log& log_;
    telemetry::Metrics& metrics_;
    DispatcherOptions options_;
    std::map<std::string, Processor*, std::less<>> processors_;
    Waiters waiters_;
    QueueTable table_;
    async::Guarded<std::vector<Message>> mailbox_;
    async::Guarded<std::string> no_room_;
    std::atomic<bool> has_room_{true}, draining_{false};
    std::atomic<WorkerTicket> next_worker_{1};
    std::atomic<std::int64_t> backlog_{0}; // queued, scheduled and blocked

    // ── on the dispatcher's thread ──
    Scheduler scheduler_;
    std::unordered_map<JobId, RunningPtr> running_;
    std::unordered_map<JobId, bool> claiming_; // claims on their way; true: it was ended meanwhile
    std::unordered_set<JobId> ended_at_once_;  // ended before word came that they begin
    std::unordered_set<JobId>
        lost_claims_; // taken from the line, and not there to be claimed: word of its end will come
    std::vector<WorkerWaiting> workers_;
    std::vector<Ended> ends_;       // of this turn
    std::vector<Ended> unrecorded_; // the store could not take them: again at the next tick
    Limits limits_;                 // expiries and deadlines
    std::map<OrganizationId, std::map<values::JobState, std::int64_t>>
        ended_elsewhere_; // in queues that have no entry any more, since the store was made
    bool stopping_ = false, dismissing_ = false, flushing_ = false;
    bool settling_ = false, settle_again_ = false; // a task that settles more is on its way; another is wanted after it
    Monotonic next_second_{}, next_sweep_{};

    telemetry::Counter& submitted_total_;
    std::map<values::JobState, telemetry::Counter*> ended_total_;
    telemetry::Counter& retried_total_;
    telemetry::Histogram& run_seconds_;
    telemetry::Gauge& waiting_gauge_;
    telemetry::Gauge& running_gauge_;
    telemetry::Gauge& breakers_open_;

    async::IoPool thread_{"dispatch", 1}; // last: joined before what it uses goes
    asio::steady_timer timer_{thread_.at(0)};
};

template <class Item>
awaitable<void> Dispatcher::add_progress(std::span<Item> items) {
    std::vector<Item*> running;
    std::vector<JobId> ids;
    for (auto& item : items) {
        if (item.state != values::JobState::running) continue;
        running.push_back(&item);
        ids.push_back(item.id);
    }
    if (running.empty()) co_return;
    const auto percents = co_await progress(std::move(ids));
    for (std::size_t i = 0; i < running.size(); ++i)
        if (percents[i]) running[i]->progress_percent = *percents[i];
}

} // namespace millrace::jobs
