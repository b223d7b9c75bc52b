#include "jobs/ending/ending.hpp"

#include "base/crash_point.hpp"
#include "events/event_log.hpp"
#include "jobs/ending/settling.hpp"
#include "jobs/ending/total_repository.hpp"
#include "jobs/job_repository.hpp"

namespace millrace::jobs {
namespace {

using dependency_repository::ParentEnd;
using store::SystemSession;
using store::Sql;
using values::JobState;

constexpr Sql is_late{"SELECT 1 FROM jobs WHERE organization_id = $1 AND id = $2 AND state <> 'running' "
                      "AND (deadline_at <= $3 OR (attempt = 0 AND expires_at <= $3))"};

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
