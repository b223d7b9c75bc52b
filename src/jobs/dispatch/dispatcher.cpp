// Start, stop, messages. The other parts: dispatcher_feed.cpp (what is heard), dispatcher_run.cpp,
// dispatcher_workers.cpp, dispatcher_time.cpp, dispatcher_view.cpp.
#include "jobs/dispatcher.hpp"

#include "base/crash_point.hpp"
#include "jobs/queues/queue_repository.hpp"

#include <algorithm>
#include <future>

namespace millrace::jobs {

using namespace std::chrono_literals;
using values::JobState;

Dispatcher::Dispatcher(store::Database& database, events::Feed& feed, Clock& clock, telemetry::Log& log,
                       telemetry::Metrics& metrics, DispatcherOptions options)
    : database_{database},
      clock_{clock},
      log_{log},
      options_{std::move(options)},
      admission_{table_, clock, options_.max_backlog, options_.no_room},
      scheduler_{table_, options_.scheduler},
      workers_{options_.most_waiting_workers},
      figures_{table_, metrics},
      ends_{database,
            clock,
            log,
            options_.rules,
            [this](Message message) { asio::post(thread_.at(0), std::move(message)); },
            [this](Message message) { send(std::move(message)); }} {
    follow(feed);
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

Result<void> Dispatcher::admits_again(const OrganizationId& organization, std::string_view queue_name,
                                      std::string_view kind, const Admitted& beside) {
    const auto queue = table_.find_queue(organization, queue_name);
    if (!processor(kind) && !(queue && queue->rules()->settings.external))
        return Error{Code::unprocessable, "nothing here runs jobs of kind \"" + std::string{kind} + "\" any more"};
    return admission_.has_place(organization, queue_name, beside);
}

values::RetryPolicy Dispatcher::retry_policy_of(const OrganizationId& organization, std::string_view name) {
    const auto queue = table_.find_queue(organization, name);
    if (!queue) return {};
    return queue->rules()->settings.retry.value_or(values::RetryPolicy{});
}

Waiting Dispatcher::waiting(const OrganizationId& organization, const ActorId& actor, std::string_view queue,
                            std::string_view kind, std::string_view resource, const JobId& id, int priority,
                            Timestamp due, Weights weights) {
    const auto lane = scheduler_.lane(organization, queue, kind, resource);
    const auto owner = line().owners().find_or_add(organization, actor, weights.organization, weights.key);
    return {id, due, lane, static_cast<unsigned>(priority) & 0xF, owner};
}

// ── start and stop ───────────────────────────────────────────────────────────────────────────────────────────────

Result<void> Dispatcher::recover() {
    const Timestamp at = clock_.now();
    auto recovered = database_.write_blocking([this, at](store::SystemSession& session) -> Result<Recovered> {
        return recover_running(session, options_.rules, at);
    });
    if (!recovered) return recovered.error();
    crash_point("recovery.after_requeue");
    const auto loaded = database_.read_blocking([this](store::SystemSession& session) -> Result<void> {
        queue_repository::each(session,
                               [this](const OrganizationId& organization, std::string_view name, QueueRules rules) {
                                   const auto queue = table_.queue(organization, name);
                                   queue->set_rules(std::move(rules));
                                   scheduler_.rules_changed(*queue);
                               });
        attempt_repository::each_weight(session, [this](const OrganizationId& organization, const ActorId& actor,
                                                        int its, int keys) {
            line().owners().find_or_add(organization, actor, its, keys);
        });
        total_repository::each(session, [this](const total_repository::Total& total) { figures_.count_before(total); });
        attempt_repository::each_waiting(session, [this](const attempt_repository::WaitingRow& row) {
            const auto job =
                waiting(row.organization, row.actor, row.queue, row.kind, row.resource, row.id, row.priority, row.due);
            admission_.joined(queue_of(job));
            if (row.ends_by) limits_.set({*row.ends_by, row.id, row.organization});
            if (row.state == JobState::blocked) ++queue_of(job).blocked;
            else line().push(job, now());
        });
        return success();
    });
    if (!loaded) return loaded.error();
    const auto external_leases = recovered->external.size();
    for (auto& found : recovered->external) recover_external(std::move(found));
    admission_.look_for_room();
    log_.info("queue rebuilt",
              {{"waiting", backlog()}, {"were_running", recovered->requeued}, {"external_leases", external_leases}});
    return success();
}

void Dispatcher::recover_external(attempt_repository::Found found) {
    const auto& lease = found.lease;
    const auto attempt = std::make_shared<LiveAttempt>();
    attempt->job = waiting(lease.organization, lease.created_by, lease.queue, lease.kind, lease.resource, lease.id,
                           lease.priority, lease.run_at);
    attempt->external = found.external;
    attempts_.emplace(lease.id, attempt);
    scheduler_.resumed(attempt->job.lane, now());
    step(attempt, AttemptEvent::handed_out);
    seat(*attempt, std::make_shared<const Lease>(std::move(found.lease)));
}

void Dispatcher::start() {
    send([this] {
        tick();
        go_on_settling(); // what a crash has left
    });
}

void Dispatcher::dismiss_workers() {
    send([this] { workers_.dismiss(); });
}

void Dispatcher::stop(std::chrono::milliseconds patience) {
    admission_.close();
    dismiss_workers();
    const auto until = clock_.monotonic() + patience;
    auto said = Monotonic::min();
    for (;;) {
        std::promise<std::size_t> left;
        send([this, &left] {
            stopping_ = true;
            left.set_value(scheduler_.slots_taken() + claiming());
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

std::size_t Dispatcher::claiming() const {
    return static_cast<std::size_t>(std::count_if(attempts_.begin(), attempts_.end(), [](const auto& each) {
        return !each.second->has_begun() && holds_slot(each.second->state);
    }));
}

// An external worker keeps what it has: it may report to the next daemon.
void Dispatcher::release_running() {
    std::size_t released = 0;
    for (const auto& [id, attempt] : attempts_) {
        if (attempt->state != AttemptState::running) continue;
        ++released;
        step(attempt, AttemptEvent::out_of_time);
        database_.post_write(
            [lease = attempt->lease](store::SystemSession& session) -> Result<void> {
                crash_point("drain.before_release");
                give_back_unused(session, *lease);
                return success();
            },
            [](const Result<void>&) {});
        attempt->stop.emit(asio::cancellation_type::terminal);
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

} // namespace millrace::jobs
