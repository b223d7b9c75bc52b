// A job that has ended waits again: what a retry by hand and a replay of dead letters do to its rows.
#include "base/crash_point.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/flows/dependency_repository.hpp"
#include "jobs/job_blobs.hpp"
#include "jobs/job_repository.hpp"
#include "jobs/records/job_columns.hpp"

namespace millrace::jobs {
namespace {

using store::Sql;
using values::JobState;

constexpr Sql move_back{
    "INSERT INTO jobs (id, state, payload, error_code, error_message, " MILLRACE_MOVING_COLUMNS ") "
    "SELECT id, 'queued', coalesce($3, payload), error_code, error_message, " MILLRACE_MOVING_COLUMNS
    " FROM finished_jobs WHERE organization_id = $1 AND id = $2 AND state IN ('dead', 'cancelled', 'expired')"};
constexpr Sql payload_with_blob{
    "SELECT payload FROM jobs WHERE organization_id = $1 AND id = $2 AND payload LIKE '%\"blob\"%'"};
constexpr Sql delete_finished{"DELETE FROM finished_jobs WHERE organization_id = $1 AND id = $2"};
constexpr Sql begin_anew{
    "UPDATE jobs SET state = $3, run_at = $4, blocked_by = $5, max_attempts = attempt + max_attempts - replayed_after, "
    "replayed_after = attempt, expires_at = NULL, deadline_at = NULL, progress_percent = 0, "
    "worker = NULL WHERE organization_id = $1 AND id = $2 RETURNING created_by, queue, kind, resource, priority, "
    "flow_id, flow_ref"};

constexpr Sql select_unique_key{"SELECT unique_key FROM finished_jobs WHERE organization_id = $1 AND id = $2"};

// Of a job that has ended; empty: it has none.
std::string unique_key_of(store::OrganizationSession& tenant, JobId id) {
    auto rows = tenant.query(select_unique_key, {id});
    return rows.next() && !rows.is_null(0) ? rows.string(0) : std::string{};
}

struct Tie {
    JobId parent;
    bool settled;
};

// As at a submission, with what its parents are now.
boost::system::result<std::vector<Tie>, NotReplayed> look_at_parents(store::OrganizationSession& tenant, JobId id) {
    std::vector<Tie> ties;
    for (const auto& dependency : dependency_repository::parents(tenant, id)) {
        const auto parent = job_repository::find_state(tenant, dependency.parent);
        const bool failed = parent && values::is_final(*parent) && *parent != JobState::succeeded;
        if (failed && dependency.on_failure == values::OnFailure::fail) return NotReplayed{{}, dependency.parent};
        ties.push_back({dependency.parent, !parent || *parent == JobState::succeeded ||
                                               (failed && dependency.on_failure == values::OnFailure::ignore)});
    }
    return ties;
}

} // namespace

boost::system::result<Moved, NotReplayed> replay_job(store::OrganizationSession& tenant, JobId id, Timestamp due,
                                                     const std::optional<std::string>& payload, Timestamp now) {
    crash_point("replay.before_write");
    const auto key = unique_key_of(tenant, id);
    if (!key.empty())
        if (const auto holder = job_repository::find_unique(tenant, key);
            holder && holder->id != id && !values::is_final(holder->state))
            return NotReplayed{holder->id, {}};
    const auto ties = look_at_parents(tenant, id);
    if (!ties) return ties.error();
    if (tenant.execute(move_back, {id, payload}) != 1) return NotReplayed{};
    if (!key.empty()) job_repository::remember_unique(tenant, key, id, {}, now);
    tenant.execute(delete_finished, {id});
    // Its payload may be another, or from before blobs were noted.
    std::string named;
    if (auto found = tenant.query(payload_with_blob, {id}); found.next()) named = found.string(0);
    job_blobs::note(tenant, id, named);
    int blocked_by = 0;
    for (const auto& tie : *ties) {
        dependency_repository::set_settled(tenant, tie.parent, id, tie.settled);
        blocked_by += !tie.settled;
    }
    const auto state = blocked_by > 0 ? JobState::blocked : due > now ? JobState::scheduled : JobState::queued;
    auto rows = tenant.query(begin_anew, {id, values::name(state), due, blocked_by});
    rows.next();
    Moved moved{id,
                {},
                {},
                rows.string(1),
                rows.string(2),
                rows.string(3),
                static_cast<int>(rows.integer(4)),
                JobState::dead,
                state,
                due,
                0};
    if (!rows.text(0).empty()) moved.actor = rows.id<ActorId>(0);
    std::optional<FlowId> flow;
    if (!rows.is_null(5) && !rows.is_null(6)) flow = rows.id<FlowId>(5);
    rows.next();
    moved.organization = tenant.organization();
    if (flow) dependency_repository::uncount_in_flow(tenant.system(), *flow);
    return moved;
}

} // namespace millrace::jobs
