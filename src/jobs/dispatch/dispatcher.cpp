// Start, stop, messages, and what arrives. The other parts: dispatcher_run.cpp, dispatcher_ends.cpp,
// dispatcher_workers.cpp, dispatcher_time.cpp, dispatcher_view.cpp.
#include "jobs/dispatcher.hpp"

#include "base/crash_point.hpp"
#include "jobs/queues/queue_repository.hpp"

#include <algorithm>
#include <future>

namespace millrace::jobs {

using namespace std::chrono_literals;
using values::JobState;

Dispatcher::Dispatcher(store::Database& database, Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics,
                       DispatcherOptions options)
    : database_{database},
      clock_{clock},
      log_{log},
      metrics_{metrics},
      options_{std::move(options)},
      scheduler_{table_, options_.scheduler},
      submitted_total_{metrics.counter("millrace_jobs_submitted_total", "Jobs accepted")},
      retried_total_{metrics.counter("millrace_job_retries_total", "Failed attempts that will be tried again")},
      run_seconds_{metrics.histogram("millrace_job_run_seconds", "Time from an attempt's claim to its recorded end")},
      waiting_gauge_{metrics.gauge("millrace_jobs_waiting", "Jobs queued, scheduled or blocked")},
      running_gauge_{metrics.gauge("millrace_jobs_running", "Attempts under way, here and at external workers")},
      breakers_open_{metrics.gauge("millrace_breakers_open", "Circuit breakers that are open or half open")} {
    for (const auto state : {JobState::succeeded, JobState::dead, JobState::cancelled, JobState::expired})
        ended_total_[state] = &metrics.counter("millrace_jobs_ended_total", "Jobs ended, by state",
                                               {{"state", std::string{values::name(state)}}});
}

Dispatcher::~Dispatcher() { thread_.stop(); }

void Dispatcher::add(Processor& processor) {
    processors_.emplace(processor.kind(), &processor);
    scheduler_.add_kind(processor.kind(), processor.concurrency());
}

const Processor* Dispatcher::processor(std::string_view kind) const {
    const auto at = processors_.find(kind);
    return at == processors_.end() ? nullptr : at->second;
}

// ── start and stop ───────────────────────────────────────────────────────────────────────────────────────────────

Result<void> Dispatcher::recover() {
    const Timestamp at = clock_.now();
    auto recovered = database_.write_blocking([this, at](store::Session& session) -> Result<Recovered> {
        return recover_running(session, options_.rules, at);
    });
    if (!recovered) return recovered.error();
    crash_point("recovery.after_requeue");
    const auto loaded = database_.read_blocking([this](store::Session& session) -> Result<void> {
        queue_repository::each(session,
                               [this](const OrganizationId& organization, std::string_view name, QueueRules rules) {
                                   const auto queue = table_.queue(organization, name);
                                   queue->set_rules(std::move(rules));
                                   scheduler_.rules_changed(*queue);
                               });
        attempt_repository::each_weight(session, [this](const OrganizationId& organization, const KeyId& key, int its,
                                                        int keys) {
            scheduler_.queue().owners().find_or_add(organization, key, its, keys);
        });
        total_repository::each(session, [this](const total_repository::Total& total) { count_before(total); });
        attempt_repository::each_waiting(session, [&](const attempt_repository::WaitingRow& row) {
            auto& ready = scheduler_.queue();
            const auto lane = scheduler_.lane(row.organization, row.queue, row.kind, row.resource);
            auto& queue = *ready.at(lane).queue;
            queue.waiting.fetch_add(1, std::memory_order_relaxed);
            backlog_.fetch_add(1, std::memory_order_relaxed);
            if (row.ends_by) limits_.set({*row.ends_by, row.id, row.organization});
            if (row.state == JobState::blocked) ++queue.blocked;
            else
                ready.push({row.id, row.due, lane, static_cast<unsigned>(row.priority) & 0xF,
                            ready.owners().find_or_add(row.organization, row.key)},
                           now());
        });
        return success();
    });
    if (!loaded) return loaded.error();
    for (const auto& found : recovered->external) {
        const auto lane =
            scheduler_.lane(found.lease.organization, found.lease.queue, found.lease.kind, found.lease.resource);
        auto running =
            seat(found.lease,
                 {found.lease.id, at, lane, static_cast<unsigned>(found.lease.priority) & 0xF,
                  scheduler_.queue().owners().find_or_add(found.lease.organization, found.lease.created_by)});
        running->external = found.external;
        running->stopped = true;
        running->lease_ends = clock_.monotonic() + *found.external;
        scheduler_.resumed(lane, now());
    }
    look_for_room();
    log_.info("queue rebuilt", {{"waiting", backlog()},
                                {"were_running", recovered->requeued},
                                {"external_leases", recovered->external.size()}});
    return success();
}

// A name that only the past knows is no reason for an entry where names are scarce.
void Dispatcher::count_before(const total_repository::Total& total) {
    auto queue = table_.find_queue(total.organization, total.queue);
    if (!queue && !total.queue.empty() && table_.count(total.organization) < QueueTable::most_queues)
        queue = table_.queue(total.organization, total.queue);
    if (!queue) {
        ended_elsewhere_[total.organization][total.state] += total.jobs;
        return;
    }
    queue->ended[total.state] += total.jobs;
    if (total.state == JobState::succeeded && total.jobs > 0)
        queue->mean_seconds.set(total.kind, static_cast<double>(total.run_us) / 1e6 / static_cast<double>(total.jobs));
}

void Dispatcher::start() {
    send([this] {
        tick();
        go_on_settling(); // what a crash has left
    });
}

void Dispatcher::stop(std::chrono::milliseconds patience) {
    draining_ = true;
    dismiss_workers();
    const auto until = clock_.monotonic() + patience;
    auto said = Monotonic::min();
    for (;;) {
        std::promise<std::size_t> left;
        send([this, &left] {
            stopping_ = true;
            left.set_value(scheduler_.slots_taken() + claiming_.size());
        });
        const auto jobs = left.get_future().get();
        if (jobs == 0) return;
        const auto at = clock_.monotonic();
        if (at >= until) break;
        if (said == Monotonic::min() || at - said >= 5s) {
            said = at;
            log_.info("waiting for running jobs",
                      {{"jobs", jobs},
                       {"seconds_left", std::chrono::ceil<std::chrono::seconds>(until - at).count()},
                       {"to_end_at_once", "Ctrl-C or SIGTERM again; what runs is then run again at the next start"}});
        }
        std::this_thread::sleep_for(20ms);
    }
    std::promise<void> released;
    send([this, &released] {
        release_running();
        released.set_value();
    });
    released.get_future().get();
}

// An external worker keeps what it has: it may report to the next daemon.
void Dispatcher::release_running() {
    std::size_t released = 0;
    for (auto& [id, running] : running_) {
        if (running->external || running->ending) continue;
        ++released;
        database_.post_write(
            [id = id, token = running->lease.token](store::Session& session) -> Result<void> {
                crash_point("drain.before_release");
                attempt_repository::release(session, id, token);
                return success();
            },
            [](Result<void>) {});
        running->ending = running->recorded = true;
        running->stop.emit(asio::cancellation_type::terminal);
    }
    log_.info("running jobs given back to the queue", {{"jobs", released}});
}

// ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

void Dispatcher::send(Message message) {
    bool first = false;
    {
        auto mailbox = mailbox_.lock();
        first = mailbox->empty();
        mailbox->push_back(std::move(message));
    }
    // One wake-up for all that is left until the dispatcher looks.
    if (first) asio::post(thread_.at(0), [this] { deliver(); });
}

void Dispatcher::deliver() {
    std::vector<Message> messages;
    mailbox_.lock()->swap(messages);
    for (auto& message : messages) message();
    pump();
}

void Dispatcher::look_again() {
    send([] {});
}

void Dispatcher::rules_changed(QueuePtr queue) {
    send([this, queue = std::move(queue)] {
        scheduler_.rules_changed(*queue); // which may have closed its breaker
        count_open_breakers();
    });
}

// ── what arrives ─────────────────────────────────────────────────────────────────────────────────────────────────

void Dispatcher::enqueue(Arrival arrival) {
    backlog_.fetch_add(1, std::memory_order_relaxed);
    send([this, arrival = std::move(arrival)] { arrive(arrival); });
}

void Dispatcher::enqueue(std::vector<Arrival> arrivals) {
    if (arrivals.empty()) return;
    backlog_.fetch_add(static_cast<std::int64_t>(arrivals.size()), std::memory_order_relaxed);
    send([this, arrivals = std::move(arrivals)] {
        for (const auto& arrival : arrivals) arrive(arrival);
    });
}

Waiting Dispatcher::waiting(const Arrival& arrival) {
    const auto lane = scheduler_.lane(arrival.organization, arrival.queue, arrival.kind, arrival.resource);
    const auto owner = scheduler_.queue().owners().find_or_add(arrival.organization, arrival.key,
                                                               arrival.organization_weight, arrival.key_weight);
    return {arrival.id, arrival.due, lane, static_cast<unsigned>(arrival.priority) & 0xF, owner};
}

void Dispatcher::arrive(const Arrival& arrival) {
    crash_point("submit.before_arrival");
    const auto job = waiting(arrival);
    auto& queue = *scheduler_.queue().at(job.lane).queue;
    queue.waiting.fetch_add(1, std::memory_order_relaxed);
    if (arrival.ends_by) limits_.set({*arrival.ends_by, arrival.id, arrival.organization});
    if (arrival.state == JobState::blocked) ++queue.blocked;
    else scheduler_.queue().push(job, now());
    if (!arrival.is_new) return;
    queue.submitted.add(clock_.monotonic());
    submitted_total_.add();
}

void Dispatcher::left_line(const Waiting& job) {
    backlog_.fetch_sub(1, std::memory_order_relaxed);
    scheduler_.queue().at(job.lane).queue->waiting.fetch_sub(1, std::memory_order_relaxed);
}

namespace {

Error refused(std::string why, int seconds = 1) { return {Code::unavailable, std::move(why), seconds}; }

} // namespace

Result<void> Dispatcher::has_place(const OrganizationId& organization, std::string_view queue_name,
                                   const Admitted& beside) {
    if (draining_) return refused("the daemon is stopping; try again in a moment");
    if (!has_room_.load(std::memory_order_relaxed)) return refused(*no_room_.lock(), 10);
    if (backlog() + beside.all >= options_.max_backlog)
        return refused("as many jobs are waiting as may wait (jobs.max_backlog = " +
                           std::to_string(options_.max_backlog) + "); try again later",
                       5);
    const auto queue =
        table_.find_queue(organization, queue_name); // made when a job has arrived: one that is refused makes none
    if (!queue && !table_.admits(organization, queue_name))
        return Error{Code::unprocessable, "there are too many queues; use one of those that there are"};
    const auto rules = queue ? queue->rules() : std::make_shared<const QueueRules>();
    const auto waiting = queue ? queue->waiting.load(std::memory_order_relaxed) : 0;
    const auto ahead = waiting + static_cast<std::int64_t>(beside.in(queue_name));
    if (const auto most = rules->settings.max_backlog; most && ahead >= static_cast<std::int64_t>(*most))
        return refused("as many jobs are waiting in queue " + std::string{queue_name} +
                           " as may wait there (max_backlog = " + std::to_string(*most) + "); try again later",
                       5);
    return success();
}

Result<void> Dispatcher::admits(const OrganizationId& organization, std::string_view queue_name, std::string_view kind,
                                std::string_view resource, const Admitted& beside) {
    if (auto place = has_place(organization, queue_name, beside); !place) return place;
    const auto seconds = [](std::chrono::milliseconds left) { return static_cast<int>((left.count() + 999) / 1000); };
    const auto at = clock_.monotonic();
    const auto queue = table_.find_queue(organization, queue_name);
    if (queue && queue->rules()->settings.breaker)
        if (const auto left = queue->breaker.refuses(at))
            return refused("the circuit breaker of queue " + queue->name +
                               " is open, because most of its jobs fail; try again later",
                           seconds(*left));
    if (resource.empty()) return success();
    const auto* its = table_.find_resource(organization, kind, resource);
    if (const auto left = its ? its->breaker.refuses(at) : std::nullopt)
        return refused("the circuit breaker of " + its->name +
                           " is open, because most of its jobs fail; try again later",
                       seconds(*left));
    return success();
}

Result<void> Dispatcher::admits_again(const OrganizationId& organization, std::string_view queue_name,
                                      std::string_view kind, const Admitted& beside) {
    const auto queue = table_.find_queue(organization, queue_name);
    if (!processor(kind) && !(queue && queue->rules()->settings.external))
        return Error{Code::unprocessable, "nothing here runs jobs of kind \"" + std::string{kind} + "\" any more"};
    return has_place(organization, queue_name, beside);
}

values::RetryPolicy Dispatcher::retry_policy(const values::Job& job) {
    if (job.retry) return *job.retry;
    const auto queue = table_.find_queue(job.organization, job.queue);
    if (!queue) return {};
    return queue->rules()->settings.retry.value_or(values::RetryPolicy{});
}

} // namespace millrace::jobs
