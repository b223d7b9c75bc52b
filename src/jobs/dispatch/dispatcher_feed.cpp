// What is heard from the change feed, and what it means for the line and for the attempts.
#include "base/crash_point.hpp"
#include "jobs/dispatcher.hpp"

namespace millrace::jobs {

using values::JobState;

// Called on the writer's thread. What admission goes by is changed here, before the commit is acknowledged: the rest on
// the dispatcher's own.
void Dispatcher::follow(events::Feed& feed) {
    feed.subscribe<Arrived>([this](const std::shared_ptr<const Arrived>& change) {
        if (!change->lease) admission_.coming();
        heard_.emplace_back(change);
    });
    feed.subscribe<Begun>([this](const auto& change) { heard_.emplace_back(change); });
    feed.subscribe<NotClaimed>([this](const auto& change) { heard_.emplace_back(change); });
    feed.subscribe<Settled>([this](const std::shared_ptr<const Settled>& change) {
        heard_.emplace_back(change);
        // Whoever waits is told from here, a thread less on the way; what he asks the dispatcher next comes after it.
        if (!waiters_.any()) return;
        for (const auto& moved : change->jobs)
            if (values::is_final(moved.to)) waiters_.ended(moved.id);
    });
    feed.subscribe<RulesSet>([this](const std::shared_ptr<const RulesSet>& change) {
        change->queue->set_rules(change->rules);
        heard_.emplace_back(change);
    });
    feed.subscribe_to_ends([this] {
        if (heard_.empty()) return;
        send([this, heard = std::exchange(heard_, {})] {
            for (const auto& change : heard) std::visit([this](const auto& its) { hear(*its); }, change);
        });
    });
}

void Dispatcher::hear(const NotClaimed& change) {
    if (const auto attempt = find(change.id)) step(attempt, AttemptEvent::not_found);
}

void Dispatcher::hear(const RulesSet& change) {
    scheduler_.rules_changed(*change.queue); // which may have closed its breaker
    figures_.count_open_breakers();
}

void Dispatcher::hear(const Arrived& arrived) {
    if (arrived.lease) crash_point("submit.before_run");
    else crash_point("submit.before_arrival");
    const auto job = waiting(arrived.organization, arrived.actor, arrived.queue, arrived.kind, arrived.resource,
                             arrived.id, arrived.priority, arrived.due, arrived.weights);
    auto& queue = queue_of(job);
    figures_.submitted(queue, clock_.monotonic());
    if (arrived.lease) {
        const auto attempt = std::make_shared<LiveAttempt>();
        attempt->job = job;
        attempts_.emplace(job.id, attempt);
        scheduler_.resumed(job.lane, now(), true);
        return hear(Begun{arrived.lease});
    }
    admission_.arrived(queue);
    if (arrived.ends_by) limits_.set({*arrived.ends_by, arrived.id, arrived.organization});
    if (arrived.state == JobState::blocked) ++queue.blocked;
    else line().push(job, now());
}

void Dispatcher::hear(const Begun& begun) {
    const auto attempt = find(begun.lease->id);
    if (!attempt || !step(attempt, attempt->external ? AttemptEvent::handed_out : AttemptEvent::begun)) return;
    seat(*attempt, begun.lease);
    if (!attempt->external) run(attempt);
}

void Dispatcher::hear(const Settled& settled) {
    for (const auto& each : settled.jobs) moved(each);
    if (settled.more) go_on_settling();
}

void Dispatcher::moved(const Moved& moved) {
    const auto attempt = find(moved.id);
    const bool dead_on_arrival = moved.from == moved.to;
    const auto queue = attempt ? line().at(attempt->job.lane).queue : table_.queue(moved.organization, moved.queue);
    if (moved.from == JobState::running) attempt_ended(moved, attempt);
    else if (attempt) moved_while_claimed(moved, attempt);
    else if (!dead_on_arrival) moved_in_line(moved);
    if (!values::is_final(moved.to)) return;
    limits_.forget(moved.id);
    figures_.ended(*queue, moved.to, clock_.monotonic());
}

Waiting Dispatcher::waiting(const Moved& moved) {
    return waiting(moved.organization, moved.actor, moved.queue, moved.kind, moved.resource, moved.id, moved.priority,
                   moved.due);
}

// Whatever its processor still returns is too late.
void Dispatcher::attempt_ended(const Moved& moved, const LiveAttemptPtr& attempt) {
    if (!attempt || !attempt->has_begun()) {
        log_.error("an attempt ended that had not begun here", {{"job", moved.id.text()}});
        return;
    }
    if (moved.to != JobState::cancelled && !moved.unused) {
        const std::chrono::duration<double> took = clock_.monotonic() - attempt->began;
        figures_.ran(queue_of(attempt->job), moved.kind, took.count(), moved.to == JobState::succeeded);
    }
    if (!values::is_final(moved.to)) wait_again(moved, waiting(moved));
    const bool still_runs = attempt->state == AttemptState::running;
    attempt->verdict = moved.verdict;
    step(attempt, AttemptEvent::ended);
    if (still_runs) attempt->stop.emit(asio::cancellation_type::terminal);
}

void Dispatcher::wait_again(const Moved& moved, const Waiting& job) {
    admission_.joined(queue_of(job));
    if (moved.ends_by) limits_.set({*moved.ends_by, moved.id, moved.organization}); // it may have passed while it ran
    if (moved.unused) return line().put_back(job, now());
    // A retry waits on the monotonic clock: a jump of the other one neither hastens nor delays it.
    const auto wait = moved.due - clock_.now();
    if (wait.count() > 0) line().push_after(job, clock_.monotonic() + wait);
    else line().push(job, {moved.due, clock_.monotonic()});
    figures_.retried();
}

// Its claim is on its way: it does not stand in line, and is not counted among those that wait.
void Dispatcher::moved_while_claimed(const Moved& moved, const LiveAttemptPtr& attempt) {
    auto& queue = queue_of(attempt->job);
    if (moved.from == JobState::blocked) {
        --queue.blocked;
        admission_.left(queue);
        if (values::is_final(moved.to)) return;
    } else if (moved.to == JobState::blocked) {
        ++queue.blocked;
        return admission_.joined(queue);
    }
    if (values::is_final(moved.to)) {
        step(attempt, AttemptEvent::ended);
        return;
    }
    attempt->job.due = moved.due; // should the claim fail; the slot is that of its lane
    step(attempt, AttemptEvent::waits);
}

void Dispatcher::moved_in_line(const Moved& moved) {
    const auto job = waiting(moved);
    auto& queue = queue_of(job);
    const bool ended = values::is_final(moved.to);
    if (moved.from == JobState::blocked) {
        --queue.blocked;
        if (ended) return admission_.left(queue);
        crash_point("release.before_arrival");
        line().push(job, now());
    } else if (ended) {
        line().take_out(job, moved.from == JobState::scheduled && moved.due > clock_.now());
        admission_.left(queue);
    } else { // retried by hand
        admission_.joined(queue);
        if (moved.to == JobState::blocked) ++queue.blocked;
        else line().push(job, now());
    }
}

// Task after task, so that others have the writer in between. What cannot be written now is tried again in a second.
void Dispatcher::go_on_settling() {
    if (std::exchange(settling_, true)) {
        settle_again_ = true;
        return;
    }
    auto task = [at = clock_.now()](store::SystemSession& session) -> Result<void> {
        settle_more(session, at);
        return success();
    };
    database_.post_write(std::move(task), [this](const Result<void>& done) {
        send([this, done = done.has_value()] {
            settling_ = false;
            const bool again = std::exchange(settle_again_, !done);
            if (done && again) go_on_settling();
        });
    });
}

} // namespace millrace::jobs
