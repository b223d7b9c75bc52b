// How attempts end: the ends of one turn are written together, and memory follows what was committed.
#include "base/crash_point.hpp"
#include "base/crypto.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/events.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

using values::JobState;

constexpr std::size_t most_ends = 256, most_end_bytes = 4 << 20; // in one write

// What is written anew when the job moves to the history.
std::size_t bytes_of(const Lease& lease, const Outcome& outcome) {
    const auto* success = std::get_if<Success>(&outcome);
    return lease.payload.size() + (success ? success->result.size() : 0);
}

std::uint64_t random64() {
    std::uint64_t value = 0;
    random_bytes(std::as_writable_bytes(std::span{&value, 1}));
    return value;
}

std::vector<JobId> ended_of(const std::vector<Settled>& settled) {
    std::vector<JobId> ids;
    for (const auto& each : settled)
        for (const auto& moved : each.jobs)
            if (values::is_final(moved.to)) ids.push_back(moved.id);
    return ids;
}

double seconds_between(Monotonic from, Monotonic to) { return std::chrono::duration<double>(to - from).count(); }

} // namespace

Scheduler::Verdict verdict_on(const Outcome& outcome) {
    if (std::holds_alternative<Success>(outcome)) return Scheduler::Verdict::success;
    const auto kind = std::get<Failure>(outcome).kind;
    const bool its_own_fault = kind == Failure::Kind::permanent || kind == Failure::Kind::spared;
    return its_own_fault ? Scheduler::Verdict::nothing : Scheduler::Verdict::failure;
}

void Dispatcher::record(Ended ended) {
    auto& running = *ended.running;
    running.ending = true;
    running.verdict = verdict_on(ended.outcome);
    if (!std::holds_alternative<Success>(ended.outcome)) {
        ended.policy = running.lease.retry;
        if (!ended.policy)
            ended.policy =
                scheduler_.queue().at(running.lane).queue->active->settings.retry.value_or(values::RetryPolicy{});
    }
    ends_.push_back(std::move(ended));
    // What else ends in this turn goes with it.
    if (!std::exchange(flushing_, true)) asio::post(thread_.at(0), [this] { flush_ends(); });
}

void Dispatcher::flush_ends() {
    flushing_ = false;
    Ends together;
    std::size_t bytes = 0;
    for (auto& ended : std::exchange(ends_, {})) {
        if (together && (together->size() >= most_ends || bytes >= most_end_bytes))
            write_ends(std::exchange(together, {}));
        if (!together) together = std::make_shared<std::vector<Ended>>(), bytes = 0;
        bytes += bytes_of(ended.running->lease, ended.outcome);
        together->push_back(std::move(ended));
    }
    if (together) write_ends(std::move(together));
}

void Dispatcher::write_ends(Ends ends) {
    database_.post_write(
        [this, ends](store::Session& session) -> Result<std::vector<Settled>> {
            std::vector<Settled> settled;
            Settled all;
            const Timestamp at = clock_.now();
            for (const auto& ended : *ends) {
                const auto policy = ended.policy.value_or(values::RetryPolicy{});
                settled.push_back(
                    end_attempt(session, ended.running->lease, ended.outcome, policy, options_.rules, random64(), at));
                all.jobs.insert(all.jobs.end(), settled.back().jobs.begin(), settled.back().jobs.end());
            }
            count_totals(session, all);
            return settled;
        },
        [this, ends](Result<std::vector<Settled>> settled) {
            std::vector<JobId> waited_for;
            if (settled && waiters_.any()) waited_for = ended_of(*settled);
            send([this, ends, settled = std::move(settled)] {
                crash_point("end.before_report");
                if (!settled) return not_recorded(ends, settled.error());
                for (std::size_t i = 0; i < ends->size(); ++i) recorded(*(*ends)[i].running, (*settled)[i]);
            });
            // Whoever waits is told from here, a thread less on the way; what he asks the dispatcher next comes after
            // the news.
            for (const auto& id : waited_for) waiters_.ended(id);
        });
}

// The leases stay good until the ends are in the store: when there is no room now, they are written later. One that can
// never be written takes no other with it.
void Dispatcher::not_recorded(Ends ends, const Error& why) {
    const bool wait = why.code == Code::storage_full || why.code == Code::unavailable;
    log_.error("ends of jobs could not be recorded; they are tried again",
               {{"jobs", ends->size()}, {"reason", why.detail}});
    for (auto& ended : *ends) {
        if (wait) {
            unrecorded_.push_back(std::move(ended));
            continue;
        }
        if (ends->size() == 1)
            ended.outcome =
                Failure{Failure::Kind::permanent, {"internal", "its result could not be stored: " + why.detail}, {}};
        if (!ended.policy) ended.policy.emplace();
        write_ends(std::make_shared<std::vector<Ended>>(1, std::move(ended)));
    }
}

void Dispatcher::recorded(Running& running, const Settled& settled) {
    const auto at = running_.find(running.lease.id);
    if (at != running_.end() && at->second->lease.token == running.lease.token) running_.erase(at);
    const bool first = !std::exchange(running.recorded, true);
    if (!settled.empty()) {
        const auto seconds = seconds_between(running.began, clock_.monotonic());
        run_seconds_.observe(seconds);
        const auto& own = settled.jobs.front();
        if (own.to == JobState::succeeded) {
            scheduler_.queue().at(running.lane).queue->mean_seconds.add(running.lease.kind, seconds);
        } else if (!values::is_final(own.to)) {
            wait_again(own);
        }
        settle(settled);
    }
    if (first) give_back(running);
}

void Dispatcher::wait_again(const Moved& own) {
    const auto again = waiting(own);
    backlog_.fetch_add(1, std::memory_order_relaxed);
    scheduler_.queue().at(again.lane).queue->waiting.fetch_add(1, std::memory_order_relaxed);
    // A retry waits on the monotonic clock: a jump of the other one neither hastens nor delays it.
    const auto wait = own.due - clock_.now();
    if (wait.count() > 0) scheduler_.queue().push_after(again, clock_.monotonic() + wait);
    else scheduler_.queue().push(again, {own.due, clock_.monotonic()});
    if (own.ends_by)
        limits_.set({*own.ends_by, own.id, own.organization}); // its earlier one may have passed unheeded while it ran
    retried_total_.add();
}

// ── what a commit means for memory ───────────────────────────────────────────────────────────────────────────────

void Dispatcher::ended_elsewhere(Settled settled) {
    send([this, settled = std::move(settled)] {
        for (const auto& moved : settled.jobs) {
            if (moved.from == JobState::running && values::is_final(moved.to)) take_from_runner(moved.id);
            settle(moved);
        }
        if (settled.more) go_on_settling();
    });
}

void Dispatcher::reported(JobId id, std::int64_t token, Settled settled, Scheduler::Verdict verdict) {
    send([this, id, token, settled = std::move(settled), verdict] {
        const auto at = running_.find(id);
        if (at == running_.end() ||
            at->second->lease.token != token) { // its time was over meanwhile, but the report came first
            if (const auto& own = settled.jobs.front(); !values::is_final(own.to)) wait_again(own);
            return settle(settled);
        }
        const auto running = at->second;
        running->verdict = verdict;
        recorded(*running, settled);
    });
}

void Dispatcher::settle(const Settled& settled) {
    for (const auto& moved : settled.jobs) settle(moved);
    if (settled.more) go_on_settling();
}

// One task after the other, so that others have the writer in between. What cannot be written now is tried again in a
// second.
void Dispatcher::go_on_settling() {
    if (std::exchange(settling_, true)) {
        settle_again_ = true;
        return;
    }
    database_.post_write([at = clock_.now()](
                             store::Session& session) -> Result<Settled> { return settle_more(session, at); },
                         [this](Result<Settled> settled) {
                             send([this, settled = std::move(settled)] {
                                 settling_ = false;
                                 const bool again = std::exchange(settle_again_, !settled);
                                 if (!settled) return;
                                 settle(*settled);
                                 if (again) go_on_settling();
                             });
                         });
}

// A cancel: what the attempt still returns is too late.
void Dispatcher::take_from_runner(JobId id) {
    const auto at = running_.find(id);
    if (at == running_.end()) { // word that it begins is still under way
        const auto claiming = claiming_.find(id);
        if (claiming != claiming_.end()) claiming->second = true;
        else ended_at_once_.insert(id);
        return;
    }
    const auto running = at->second;
    running_.erase(at);
    running->ending = running->recorded = true;
    running->stop.emit(asio::cancellation_type::terminal);
    give_back(*running);
}

Waiting Dispatcher::waiting(const Moved& moved) {
    const auto lane = scheduler_.lane(moved.organization, moved.queue, moved.kind, moved.resource);
    return {moved.id, moved.due, lane, static_cast<unsigned>(moved.priority) & 0xF,
            scheduler_.queue().owners().find_or_add(moved.organization, moved.key)};
}

void Dispatcher::settle(const Moved& moved) {
    auto& ready = scheduler_.queue();
    const auto shared = table_.queue(moved.organization, moved.queue);
    auto& queue = *shared;
    const bool ended = values::is_final(moved.to);
    if (moved.from == moved.to) return count_end(queue, moved); // it had ended before it was submitted
    if (moved.from == JobState::blocked) {
        --queue.blocked;
        if (!ended) {
            crash_point("release.before_arrival");
            ready.push(waiting(moved), now());
        } else {
            left_line(waiting(moved));
        }
    } else if (values::is_final(moved.from)) { // replayed
        backlog_.fetch_add(1, std::memory_order_relaxed);
        queue.waiting.fetch_add(1, std::memory_order_relaxed);
        if (moved.to == JobState::blocked) ++queue.blocked;
        else ready.push(waiting(moved), now());
    } else if (ended && moved.from != JobState::running) {
        const auto claiming = claiming_.find(moved.id);
        if (claiming != claiming_.end()) {
            claiming->second = true;
        } else if (lost_claims_.erase(moved.id) == 0) {
            const auto job = waiting(moved);
            ready.take_out(job, moved.from == JobState::scheduled && moved.due > clock_.now());
            left_line(job);
        }
    }
    if (ended) count_end(queue, moved);
}

void Dispatcher::count_end(Queue& queue, const Moved& moved) {
    const auto at = clock_.monotonic();
    queue.finished.add(at);
    ++queue.ended[moved.to];
    limits_.forget(moved.id);
    ended_total_[moved.to]->add();
    waiters_.ended(moved.id);
}

void Dispatcher::tell_breakers(LaneIndex index, Scheduler::Changed changed) {
    if (!changed.queue && !changed.resource) return;
    count_open_breakers();
    const auto& lane = scheduler_.queue().at(index);
    const auto tell = [this](const OrganizationId& organization, std::string subject, const values::Breaker& breaker) {
        const auto view = breaker.view(clock_.monotonic());
        const bool open = view.state == values::BreakerView::State::open;
        log_.warning(open ? "circuit breaker opened" : "circuit breaker closed",
                     {{"of", subject}, {"attempts", view.attempts}, {"failures", view.failures}});
        database_.post_write(
            [organization, subject = std::move(subject), open, view,
             at = clock_.now()](store::Session& session) -> Result<void> {
                write_event(session, organization, open ? "breaker.opened" : "breaker.closed", subject,
                            {{"attempts", view.attempts},
                             {"failures", view.failures},
                             {"reopens_in_seconds", static_cast<double>(view.reopens_in.count()) / 1000}},
                            at);
                return success();
            },
            [](Result<void>) {});
    };
    if (changed.queue) tell(lane.queue->organization, "queue " + lane.queue->name, lane.queue->breaker);
    if (changed.resource)
        tell(lane.resource->organization, lane.resource->kind + " " + lane.resource->name, lane.resource->breaker);
}

} // namespace millrace::jobs
