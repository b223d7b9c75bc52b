// How one attempt ends: with a result, with another attempt to follow, or for good.
#include "base/crash_point.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/ending/settling.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

using dependency_repository::ParentEnd;
using store::SystemSession;
using store::Sql;
using values::JobState;

constexpr Sql plan_retry{"UPDATE jobs SET state = 'scheduled', run_at = $3, lease_token = NULL, lease_us = NULL, "
                         "worker = NULL, error_code = $4, "
                         "error_message = $5 WHERE id = $1 AND lease_token = $2"};
constexpr Sql spare{"UPDATE jobs SET state = 'queued', run_at = $3, attempt = attempt - 1, lease_token = NULL, "
                    "lease_us = NULL, worker = NULL "
                    "WHERE id = $1 AND lease_token = $2"};

Moved moved_of(const Lease& lease, JobState to, Timestamp due, Timestamp now) {
    return {lease.id,
            lease.organization,
            lease.created_by,
            lease.queue,
            lease.kind,
            lease.resource,
            lease.priority,
            JobState::running,
            to,
            due,
            std::max<std::int64_t>(0, (now - lease.started_at).count())};
}

// An attempt ended, and another follows. Once a job has begun, its expires_at holds no more.
Settled waits_again(const Lease& lease, JobState to, Timestamp due, Timestamp now, bool has_begun = true) {
    auto moved = moved_of(lease, to, due, now);
    moved.ends_by = lease.deadline_at;
    if (!has_begun && lease.expires_at)
        moved.ends_by = std::min(lease.deadline_at.value_or(*lease.expires_at), *lease.expires_at);
    return {{std::move(moved)}};
}

// The callback of a flow belongs to it, but is not counted among its jobs.
bool is_counted(const Lease& lease) { return lease.flow && !lease.flow_ref.empty(); }

// The attempt failed and no other follows.
Settled fail_for_good(SystemSession& session, const Lease& lease, const Failure& failure, std::string_view outcome,
                      Timestamp now) {
    crash_point("dead.before_write");
    const bool late = lease.deadline_at && *lease.deadline_at <= now;
    const auto state = late ? JobState::expired : JobState::dead;
    if (!attempt_repository::leave(session, {&lease}).front()) return {};
    attempt_repository::put_into_history(session, lease, state, nullptr, &failure.error, now);
    attempt_repository::add(session, lease.organization, lease.id,
                            {lease.attempt, lease.started_at, now, std::string{outcome}, failure.error});
    Settled settled{{moved_of(lease, state, now, now)}};
    if (is_counted(lease)) dependency_repository::count_in_flow(session, *lease.flow, false, now);
    if (state == JobState::dead) write_dead_event(session, settled.jobs.front(), failure.error, now);
    settle_children(session, lease.organization, {lease.id, ParentEnd::failed, {}}, now, settled);
    return settled;
}

// The job has left the queue.
Settled succeed(SystemSession& session, const Lease& lease, const Success& success, bool has_children, Timestamp now) {
    attempt_repository::put_into_history(session, lease, JobState::succeeded, &success.result, nullptr, now);
    Settled settled{{moved_of(lease, JobState::succeeded, now, now)}};
    store::OrganizationSession tenant{session, lease.organization};
    for (const auto& effect : success.effects) effect(tenant);
    if (is_counted(lease)) dependency_repository::count_in_flow(session, *lease.flow, true, now);
    if (has_children) settle_children(session, lease.organization, {lease.id, ParentEnd::succeeded, {}}, now, settled);
    return settled;
}

Settled fail(SystemSession& session, const Lease& lease, const Failure& failure, const values::RetryPolicy& policy,
             const EndRules& rules, const Random& random, Timestamp now) {
    if (failure.kind == Failure::Kind::spared) {
        if (session.execute(spare, {lease.id, lease.token, now}) != 1) return {};
        return waits_again(lease, JobState::queued, now, now, lease.attempt > 1);
    }
    const bool killed = failure.kind == Failure::Kind::worker_lost;
    const auto earlier = attempt_repository::counts(session, lease);
    // The engine runs bystanders again by itself: an attempt that is told of its worker's end has ended it, and counts.
    bool again = failure.kind != Failure::Kind::permanent &&
                 earlier.failed + 1 < lease.max_attempts - lease.replayed_after && policy.retries(failure.error.code);
    if (killed && earlier.worker_lost + 1 >= rules.max_worker_kills) again = false;
    const auto retry_at = now + std::chrono::duration_cast<std::chrono::microseconds>(
                                    failure.retry_after.value_or(policy.delay(earlier.failed + 1, random())));
    if (lease.deadline_at && retry_at >= *lease.deadline_at) again = false;
    const std::string_view word = !killed ? "failed" : failure.error.code == "timed_out" ? "timed_out" : "worker_lost";
    if (!again) return fail_for_good(session, lease, failure, word, now);
    crash_point("retry.before_write");
    if (session.execute(plan_retry, {lease.id, lease.token, retry_at, failure.error.code, failure.error.message}) != 1)
        return {};
    attempt_repository::add(session, lease.organization, lease.id,
                            {lease.attempt, lease.started_at, now, std::string{word}, failure.error});
    return waits_again(lease, JobState::scheduled, retry_at, now);
}

} // namespace

void give_back_unused(SystemSession& session, const Lease& lease) {
    const auto due = attempt_repository::release(session, lease.id, lease.token);
    if (!due) return;
    auto moved = moved_of(lease, JobState::queued, *due, lease.started_at);
    moved.unused = true;
    publish(session, {{std::move(moved)}});
}

AttemptVerdict verdict_on(const Outcome& outcome) {
    if (std::holds_alternative<Success>(outcome)) return AttemptVerdict::success;
    const auto kind = std::get<Failure>(outcome).kind;
    const bool its_own_fault = kind == Failure::Kind::permanent || kind == Failure::Kind::spared;
    return its_own_fault ? AttemptVerdict::nothing : AttemptVerdict::failure;
}

Settled end_attempt(SystemSession& session, const Lease& lease, const Outcome& outcome,
                    const values::RetryPolicy& policy, const EndRules& rules, const Random& random, Timestamp now) {
    return end_attempts(session, {{lease, outcome, policy}}, rules, random, now);
}

Settled end_attempts(SystemSession& session, const std::vector<AttemptEnd>& ends, const EndRules& rules,
                     const Random& random, Timestamp now) {
    std::vector<const Lease*> succeeded;
    std::vector<JobId> ids;
    for (const auto& end : ends) {
        crash_point("end.before_write");
        if (!std::holds_alternative<Success>(end.outcome)) continue;
        succeeded.push_back(&end.lease);
        ids.push_back(end.lease.id);
    }
    const auto left = attempt_repository::leave(session, succeeded);
    const auto parents = dependency_repository::have_children(session, ids);
    Settled all;
    std::size_t success = 0;
    for (const auto& [lease, outcome, policy] : ends) {
        Settled settled;
        if (const auto* failure = std::get_if<Failure>(&outcome)) {
            settled = fail(session, lease, *failure, policy, rules, random, now);
        } else {
            if (left[success]) settled = succeed(session, lease, std::get<Success>(outcome), parents[success], now);
            ++success;
        }
        if (!settled.empty()) settled.jobs.front().verdict = verdict_on(outcome);
        for (auto& moved : settled.jobs) all.jobs.push_back(std::move(moved));
        all.more |= settled.more;
    }
    return all;
}

} // namespace millrace::jobs
