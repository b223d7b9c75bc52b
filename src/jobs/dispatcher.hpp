// Takes waiting jobs in order, leases them, runs their processors and records how they ended. Everything happens on
// the dispatcher's own thread; other threads leave messages. A claim is committed before its processor starts, and
// an end before anybody hears of it. What jobs do is heard from the change feed, in the order of the commits: the
// dispatcher's own claims and ends too, so that its memory is the commits replayed.
#pragma once
#include "async/guarded.hpp"
#include "async/io_pool.hpp"
#include "events/feed.hpp"
#include "jobs/dispatch/admission.hpp"
#include "jobs/dispatch/dispatcher_view.hpp"
#include "jobs/dispatch/end_recorder.hpp"
#include "jobs/dispatch/figures.hpp"
#include "jobs/dispatch/limits.hpp"
#include "jobs/dispatch/live_attempt.hpp"
#include "jobs/dispatch/scheduler.hpp"
#include "jobs/dispatch/waiters.hpp"
#include "jobs/dispatch/waiting_workers.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/moves.hpp"
#include "jobs/processor.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
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

std::int64_t new_lease_token(); // cannot be guessed

// A queue's rules were set: they are taken over at once.
struct RulesSet {
    QueuePtr queue;
    QueueRules rules;
};

class Dispatcher {
public:
    // `feed` is that of `database`. Borrows everything but the options.
    Dispatcher(store::Database& database, events::Feed& feed, Clock& clock, telemetry::Log& log,
               telemetry::Metrics& metrics, DispatcherOptions options);
    ~Dispatcher();

    // Before start(): the kinds that run here. Borrowed.
    void add(Processor& processor);
    const Processor* processor(std::string_view kind) const;
    // Before start(): called on the dispatcher's thread each time that an attempt is further than before. Quick.
    void on_progress(std::function<void(Progress)> told) { told_progress_ = std::move(told); }

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
                        std::string_view resource, const Admitted& beside = {}) {
        return admission_.admits(organization, queue, kind, resource, beside);
    }
    // The same for a job that ended and is to wait again; unprocessable when nothing runs its kind any more. An open
    // breaker holds it in line, where it may become the breaker's probe: somebody has asked for it by hand.
    Result<void> admits_again(const OrganizationId& organization, std::string_view queue, std::string_view kind,
                              const Admitted& beside = {});
    QueueTable& table() { return table_; }
    // Its own, its queue's or the default. `owner`: a job or its lease.
    template <class Owner>
    values::RetryPolicy retry_policy(const Owner& owner) {
        return owner.retry ? *owner.retry : retry_policy_of(owner.organization, owner.queue);
    }

    // A slot for a job that begins as it is submitted: when nothing waits and nothing limits its queue and kind. Taken
    // by the job's arrival with a lease, or given back by unreserve().
    bool reserve(const Queue& queue, std::string_view kind, std::string_view resource);
    void unreserve();

    // External workers. Called back once, on the dispatcher's thread: with jobs whose claim is committed, or none.
    WorkerTicket hand_out(QueuePtr queue, std::string worker, std::size_t most, std::chrono::milliseconds wait,
                          std::chrono::milliseconds lease, WaitingWorker::Given given);
    // The worker has gone: it is called back with none, unless its jobs are on their way. Any ticket, any number of
    // times.
    void withdraw_worker(WorkerTicket ticket);
    // Jobs that could not be delivered to their worker wait again at once, as if they had not been handed out.
    void take_back(std::vector<Handed> undelivered);
    // Whether this lease is alive; moves its end. The store is the judge, this is the clock.
    void heartbeat(JobId id, std::int64_t token, std::optional<int> progress_percent);

    Waiters& waiters() { return waiters_; }
    awaitable<QueueSnapshot> snapshot();                         // of all queues
    awaitable<QueueSnapshot::Queue> snapshot_of(QueuePtr queue); // of one: the others are not looked at
    awaitable<JobOutlook> outlook(values::Job job);
    awaitable<Standing> standing(values::Job job); // of one that has not ended
    // Of each, in this order, how far it told to be; nullopt when it does not run here. Not in the store: told too
    // often.
    awaitable<std::vector<std::optional<int>>> progress(std::vector<JobId> jobs);
    // Over what the store says of those that run: anything with id, state and progress_percent, in place.
    template <class Item>
    awaitable<void> add_progress(std::span<Item> items);
    std::size_t backlog() const { return admission_.backlog(); }
    const EndRules& end_rules() const { return options_.rules; }

private:
    using Message = std::function<void()>;

    Now now() const { return {clock_.now(), clock_.monotonic()}; }
    void send(Message message); // any thread
    void deliver();
    void follow(events::Feed& feed);
    ReadyQueue& line() { return scheduler_.queue(); }
    Queue& queue_of(const Waiting& job) { return *line().at(job.lane).queue; }

    // What is heard.
    void hear(const Arrived& arrived);
    void hear(const Begun& begun);
    void hear(const NotClaimed& change);
    void hear(const Settled& settled);
    void hear(const RulesSet& change);
    void moved(const Moved& moved);
    void attempt_ended(const Moved& moved, const LiveAttemptPtr& attempt);
    void moved_while_claimed(const Moved& moved, const LiveAttemptPtr& attempt);
    void moved_in_line(const Moved& moved);
    void wait_again(const Moved& moved, const Waiting& job);
    void go_on_settling();

    // From the line to a running attempt.
    void pump();
    void claim(std::vector<Waiting> batch);
    void serve_workers();
    void claim_for(WaitingWorker worker, std::vector<Waiting> batch);
    std::shared_ptr<const std::vector<Waiting>> take_from_line(std::vector<Waiting> batch,
                                                               std::optional<std::chrono::milliseconds> lease);
    void put_back(const Waiting& job, bool later);
    void give(const WaitingWorker& worker, const std::vector<Waiting>& jobs);
    void seat(LiveAttempt& attempt, std::shared_ptr<const Lease> lease);
    void run(const LiveAttemptPtr& attempt);
    awaitable<Outcome> process(Processor& processor, Attempt attempt);
    void returned(const LiveAttemptPtr& attempt, Outcome outcome);
    void end(const LiveAttemptPtr& attempt, Outcome outcome);
    void take_back(const Handed& undelivered);
    void release_running();

    LiveAttemptPtr find(const JobId& id) const;
    // Into the next state; false, with a line in the log, when that cannot be. Gives the slot back with the last state
    // that has it.
    bool step(const LiveAttemptPtr& attempt, AttemptEvent event);
    void give_back(LaneIndex lane, AttemptVerdict verdict);
    void set_progress(LiveAttempt& attempt, int percent);
    void look_again() {
        send([] {});
    } // at the line: a slot may be somebody else's now
    values::RetryPolicy retry_policy_of(const OrganizationId& organization, std::string_view queue);
    std::size_t claiming() const;

    void recover_external(attempt_repository::Found found);
    Waiting waiting(const OrganizationId& organization, const ActorId& actor, std::string_view queue,
                    std::string_view kind, std::string_view resource, const JobId& id, int priority, Timestamp due,
                    Weights weights = {0, 0});
    Waiting waiting(const Moved& moved);
    void tick();
    void end_late();
    void expire_due();
    void arm_timer();
    void tell_breakers(LaneIndex lane, Scheduler::Changed changed);
    QueueCounts counts(Queue& queue);
    QueueSnapshot look();
    QueueSnapshot::Queue look_at(Queue& queue);
    Standing look_at(const values::Job& job);
    JobOutlook look_ahead(const values::Job& job);
    void count_workers(const QueuePtr& queue, std::size_t& waiting, std::size_t& leases) const;

    store::Database& database_;
    Clock& clock_;
    telemetry::Log& log_;
    DispatcherOptions options_;
    std::map<std::string, Processor*, std::less<>> processors_;
    std::function<void(Progress)> told_progress_ = [](const Progress&) {};
    Waiters waiters_;
    QueueTable table_;
    Admission admission_;
    async::Guarded<std::vector<Message>> mailbox_;

    // ── on the writer's thread ──
    using Heard =
        std::variant<std::shared_ptr<const Arrived>, std::shared_ptr<const Begun>, std::shared_ptr<const NotClaimed>,
                     std::shared_ptr<const Settled>, std::shared_ptr<const RulesSet>>;
    std::vector<Heard> heard_; // of this commit

    // ── on the dispatcher's thread ──
    Scheduler scheduler_;
    LiveAttempts attempts_;
    WaitingWorkers workers_;
    Limits limits_; // expiries and deadlines
    Figures figures_;
    bool stopping_ = false;
    bool settling_ = false, settle_again_ = false; // a task that settles more is on its way; another is wanted after it
    Monotonic next_second_{};

    EndRecorder ends_;

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
