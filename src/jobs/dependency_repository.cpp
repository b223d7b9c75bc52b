#include "jobs/dependency_repository.hpp"

namespace millrace::jobs::dependency_repository {
namespace {

using store::Session;
using store::Sql;

constexpr Sql insert_dependency{"INSERT INTO job_dependencies (organization_id, parent_id, job_id, on_failure, settled) VALUES ($1, $2, $3, $4, $5) "
                                "ON CONFLICT DO NOTHING"};
constexpr Sql select_children{"SELECT job_id, on_failure FROM job_dependencies WHERE parent_id = $1 AND settled = 0"};
constexpr Sql settle_dependency{"UPDATE job_dependencies SET settled = 1 WHERE parent_id = $1 AND job_id = $2 AND settled = 0"};
constexpr Sql unblock{"UPDATE jobs SET blocked_by = blocked_by - 1 WHERE id = $1 AND state = 'blocked' "
                      "RETURNING blocked_by, organization_id, created_by, queue, kind, resource, priority, run_at"};
constexpr Sql set_state{"UPDATE jobs SET state = $2, run_at = $3 WHERE id = $1"};
constexpr Sql count_end{"UPDATE flows SET succeeded = succeeded + $2, failed = failed + $3, "
                        "finished_at = CASE WHEN succeeded + failed + 1 >= jobs THEN $4 END WHERE id = $1"};
constexpr Sql uncount_end{"UPDATE flows SET failed = max(0, failed - 1), finished_at = NULL WHERE id = $1"};

} // namespace

void add(store::TenantSession& session, JobId job, const model::Dependency& dependency, bool settled) {
    session.execute(insert_dependency, {dependency.parent, job, model::name(dependency.on_failure), settled});
}

std::vector<Child> unsettled_children(Session& session, JobId parent) {
    std::vector<Child> children;
    auto rows = session.query(select_children, {parent});
    while (rows.next()) children.push_back({rows.id<JobId>(0), model::on_failure(rows.text(1)).value_or(model::OnFailure::fail)});
    return children;
}

std::optional<Unblocked> settle(Session& session, JobId parent, JobId child) {
    if (session.execute(settle_dependency, {parent, child}) == 0) return std::nullopt;
    auto rows = session.query(unblock, {child});
    if (!rows.next()) return std::nullopt;
    Unblocked unblocked{static_cast<int>(rows.integer(0)), rows.id<OrganizationId>(1), {}, rows.string(3), rows.string(4), rows.string(5),
                        static_cast<int>(rows.integer(6)), rows.time(7)};
    if (!rows.text(2).empty()) unblocked.key = rows.id<KeyId>(2);
    rows.next();
    return unblocked;
}

void set_ready(Session& session, JobId id, model::JobState state, Timestamp due) { session.execute(set_state, {id, model::name(state), due}); }

void count_in_flow(Session& session, FlowId flow, bool succeeded, Timestamp now) {
    session.execute(count_end, {flow, succeeded ? 1 : 0, succeeded ? 0 : 1, now});
}

void uncount_in_flow(Session& session, FlowId flow) { session.execute(uncount_end, {flow}); }

} // namespace millrace::jobs::dependency_repository
