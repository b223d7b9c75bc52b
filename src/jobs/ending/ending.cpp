#include "jobs/ending/ending.hpp"

#include "base/crash_point.hpp"
#include "events/event_log.hpp"
#include "jobs/ending/total_repository.hpp"
#include "jobs/flows/dependency_repository.hpp"
#include "jobs/job_repository.hpp"
#include "jobs/records/job_columns.hpp"
#include "store/turn.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

using values::JobState;
using store::SystemSession;
using store::Sql;
using store::Value;

constexpr Sql move_to_history{"INSERT INTO finished_jobs (id, state, payload, result, progress_percent, error_code, "
                              "error_message, finished_at, " MILLRACE_MOVING_COLUMNS ") "
                              "SELECT id, $2, payload, NULL, progress_percent, coalesce($3, error_code), coalesce($4, "
                              "error_message), $5, " MILLRACE_MOVING_COLUMNS " FROM jobs WHERE id = $1"};
constexpr Sql delete_job{"DELETE FROM jobs WHERE id = $1"};
constexpr Sql find_open{"SELECT state, created_by, queue, kind, resource, priority, run_at, started_at, flow_id, "
                        "flow_ref FROM jobs WHERE organization_id = $1 AND id = $2"};
constexpr Sql is_late{"SELECT 1 FROM jobs WHERE organization_id = $1 AND id = $2 AND state <> 'running' "
                      "AND (deadline_at <= $3 OR (attempt = 0 AND expires_at <= $3))"};
constexpr Sql plan_retry{"UPDATE jobs SET state = 'scheduled', run_at = $3, lease_token = NULL, lease_us = NULL, "
                         "worker = NULL, error_code = $4, "
                         "error_message = $5 WHERE id = $1 AND lease_token = $2"};
constexpr Sql spare{"UPDATE jobs SET state = 'queued', run_at = $3, attempt = attempt - 1, lease_token = NULL, "
                    "lease_us = NULL, worker = NULL "
                    "WHERE id = $1 AND lease_token = $2"};

using dependency_repository::Parent;
using dependency_repository::ParentEnd;

// How many children one end settles at once; those beyond come in tasks of their own.
constexpr int children_at_once = 32;

// Ends one job that has not ended; what waits for it is left to the caller.
bool end_one(SystemSession& session, const OrganizationId& organization, JobId id, JobState state,
             const std::optional<values::JobError>& error, Timestamp now, Settled& settled, bool only_waiting) {
    Moved moved{id, organization, {}, {}, {}, {}, 0, JobState::queued, state, now, 0};
    std::optional<FlowId> flow; // of whose jobs it is counted
    {
        store::OrganizationSession tenant{session, organization};
        auto rows = tenant.query(find_open, {id});
        if (!rows.next()) return false;
        moved.from = *values::job_state(rows.text(0));
        if (only_waiting && moved.from == JobState::running) return false;
        if (!rows.text(1).empty()) moved.actor = rows.id<ActorId>(1);
        moved.queue = rows.text(2);
        moved.kind = rows.text(3);
        moved.resource = rows.text(4);
        moved.priority = static_cast<int>(rows.integer(5));
        moved.due = rows.time(6);
        if (moved.from == JobState::running) moved.run_us = std::max<std::int64_t>(0, (now - rows.time(7)).count());
        if (!rows.is_null(8) && !rows.is_null(9)) flow = rows.id<FlowId>(8);
    }
    session.execute(move_to_history, {id, values::name(state), error ? Value{error->code} : Value{nullptr},
                                      error ? Value{error->message} : Value{nullptr}, now});
    session.execute(delete_job, {id});
    if (flow) dependency_repository::count_in_flow(session, *flow, false, now);
    if (state == JobState::dead && error) write_dead_event(session, moved, *error, now);
    settled.jobs.push_back(std::move(moved));
    return true;
}

// One child of an ended parent: it fails with it, or waits for one less. Whether it has ended.
bool settle_child(SystemSession& session, const Parent& parent, const dependency_repository::Child& child,
                  Timestamp now, Settled& settled) {
    crash_point("release.before_write");
    const auto unblocked = dependency_repository::settle(session, parent.id, child.id);
    if (!unblocked) return false;
    const bool fails = parent.end == ParentEnd::purged ||
                       (parent.end == ParentEnd::failed && child.on_failure == values::OnFailure::fail);
    if (fails) {
        const std::string_view how = parent.end == ParentEnd::purged ? "was purged" : "ended without success";
        const values::JobError error{"dependency_failed",
                                     "job " + parent.id.text() + ", which it depends on, " + std::string{how}};
        return end_one(session, unblocked->organization, child.id, JobState::dead, error, now, settled, true);
    }
    if (unblocked->blocked_by > 0) return false;
    const auto state = unblocked->run_at > now ? JobState::scheduled : JobState::queued;
    const auto due = std::max(unblocked->run_at, now);
    dependency_repository::set_ready(session, child.id, state, due);
    settled.jobs.push_back({child.id, unblocked->organization, unblocked->actor, unblocked->queue, unblocked->kind,
                            unblocked->resource, unblocked->priority, JobState::blocked, state, due, 0});
    return false;
}

// What waits for `first`, and for whatever ends because of that. A list rather than recursion: chains may be long.
// However many there are, a transaction settles so many of them at most and writes down whose are left: settle_more()
// goes on.
void settle_children(SystemSession& session, const OrganizationId& organization, Parent first, Timestamp now,
                     Settled& settled, int most = children_at_once) {
    std::vector<Parent> ended{first};
    store::OrganizationSession tenant{session, organization};
    int left = std::min(most, settled.children);
    while (!ended.empty()) {
        Parent parent = ended.back();
        ended.pop_back();
        for (const auto& child : dependency_repository::unsettled_children(session, parent, left + 1)) {
            if (--left < 0) {
                ended.push_back(parent);
                for (const auto& each : ended)
                    if (!dependency_repository::unsettled_children(session, each, 1).empty())
                        dependency_repository::settle_later(tenant, each, now);
                settled.more = true;
                return;
            }
            --settled.children;
            if (settle_child(session, parent, child, now, settled)) ended.push_back({child.id, ParentEnd::failed, {}});
            parent.settled_until = child.id;
        }
    }
}

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
    if (!attempt_repository::end(session, lease, state, nullptr, &failure.error, now)) return {};
    attempt_repository::add(session, lease.organization, lease.id,
                            {lease.attempt, lease.started_at, now, std::string{outcome}, failure.error});
    Settled settled{{moved_of(lease, state, now, now)}};
    if (is_counted(lease)) dependency_repository::count_in_flow(session, *lease.flow, false, now);
    if (state == JobState::dead) write_dead_event(session, settled.jobs.front(), failure.error, now);
    settle_children(session, lease.organization, {lease.id, ParentEnd::failed, {}}, now, settled);
    return settled;
}

void count_totals(SystemSession& session, const Settled& settled) {
    std::map<std::tuple<OrganizationId, std::string_view, std::string_view, JobState>,
             std::pair<std::int64_t, std::int64_t>>
        sums;
    for (const auto& job : settled.jobs) {
        if (!values::is_final(job.to)) continue;
        auto& [jobs, run_us] = sums[{job.organization, job.queue, job.kind, job.to}];
        ++jobs;
        run_us += job.run_us;
    }
    for (const auto& [key, sum] : sums) {
        const auto& [organization, queue, kind, state] = key;
        total_repository::add(session, organization, queue, kind, state, sum.first, sum.second);
    }
}

// The rows of the job whose attempt ended. The first of the settled is the job itself.
Settled move_on(SystemSession& session, const Lease& lease, const Outcome& outcome, const values::RetryPolicy& policy,
                const EndRules& rules, std::uint64_t random, Timestamp now) {
    if (const auto* success = std::get_if<Success>(&outcome)) {
        if (!attempt_repository::end(session, lease, JobState::succeeded, &success->result, nullptr, now)) return {};
        Settled settled{{moved_of(lease, JobState::succeeded, now, now)}};
        store::OrganizationSession tenant{session, lease.organization};
        for (const auto& effect : success->effects) effect(tenant);
        if (is_counted(lease)) dependency_repository::count_in_flow(session, *lease.flow, true, now);
        settle_children(session, lease.organization, {lease.id, ParentEnd::succeeded, {}}, now, settled);
        return settled;
    }
    const auto& failure = std::get<Failure>(outcome);
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
                                    failure.retry_after.value_or(policy.delay(earlier.failed + 1, random)));
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

void publish(store::OrganizationSession& tenant, Settled settled) { publish(tenant.system(), std::move(settled)); }

void publish(SystemSession& session, Settled settled) {
    count_totals(session, settled);
    if (!settled.empty() || settled.more) session.publish(std::move(settled));
}

void write_dead_event(SystemSession& session, const Moved& moved, const values::JobError& error, Timestamp now) {
    events::write_event(
        session, moved.organization, "job.dead", moved.id.text(),
        {{"queue", moved.queue}, {"kind", moved.kind}, {"error", {{"code", error.code}, {"message", error.message}}}},
        now);
}

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
                    const values::RetryPolicy& policy, const EndRules& rules, std::uint64_t random, Timestamp now) {
    crash_point("end.before_write");
    auto settled = move_on(session, lease, outcome, policy, rules, random, now);
    if (!settled.empty()) settled.jobs.front().verdict = verdict_on(outcome);
    return settled;
}

bool end_job(store::OrganizationSession& tenant, JobId id, JobState state, const std::optional<values::JobError>& error,
             Timestamp now, Settled& settled, bool only_waiting) {
    if (!end_one(tenant.system(), tenant.organization(), id, state, error, now, settled, only_waiting)) return false;
    settle_children(tenant.system(), tenant.organization(), {id, ParentEnd::failed, {}}, now, settled);
    return true;
}

void purged(store::OrganizationSession& tenant, JobId id, Timestamp now, Settled& settled) {
    settle_children(tenant.system(), tenant.organization(), {id, ParentEnd::purged, {}}, now, settled);
}

// Whose parent was retried meanwhile wait for it again.
Settled settle_more(SystemSession& session, Timestamp now) {
    Settled all;
    std::optional<dependency_repository::Unsettled> parent;
    while (all.children-- > 0 && (parent = dependency_repository::first_unsettled(session))) {
        crash_point("settle.before_write");
        store::OrganizationSession tenant{session, parent->organization};
        const auto& job = parent->parent;
        dependency_repository::settled(tenant, job.id);
        const auto state = job_repository::find_state(tenant, job.id);
        if (job.end == ParentEnd::purged || (state && values::is_final(*state)))
            settle_children(session, parent->organization, job, now, all, all.children);
    }
    all.more = dependency_repository::first_unsettled(session).has_value();
    publish(session, all);
    return all;
}

bool expire_job(store::OrganizationSession& tenant, JobId id, Timestamp now, Settled& settled) {
    if (!tenant.query(is_late, {id, now}).next()) return false;
    const values::JobError late{"expired", "its expires_at or deadline_at came before it could begin"};
    return end_job(tenant, id, JobState::expired, late, now, settled);
}

Recovered recover_running(SystemSession& session, const EndRules& rules, Timestamp now) {
    crash_point("recovery.before_requeue");
    Recovered recovered;
    const values::JobError lost{"daemon_lost", "the daemon stopped while this attempt ran"};
    Settled settled;
    for (auto& found : attempt_repository::running(session)) {
        if (found.external) {
            recovered.external.push_back(std::move(found));
            continue;
        }
        const auto& lease = found.lease;
        store::OrganizationSession tenant{session, lease.organization};
        attempt_repository::add(session, lease.organization, lease.id,
                                {lease.attempt, lease.started_at, now, "lost", lost});
        if (attempt_repository::counts(session, lease).lost >= rules.max_lost)
            end_job(tenant, lease.id, JobState::dead, lost, now, settled);
        else attempt_repository::requeue(session, lease.id, lost);
        ++recovered.requeued;
    }
    count_totals(session, settled);
    return recovered;
}

} // namespace millrace::jobs
