#include "jobs/flows/dependency_repository.hpp"

namespace millrace::jobs::dependency_repository {
namespace {

using store::SystemSession;
using store::Sql;

constexpr Sql insert_dependency{"INSERT INTO job_dependencies (organization_id, parent_id, job_id, on_failure, "
                                "settled) VALUES ($1, $2, $3, $4, $5) "
                                "ON CONFLICT DO NOTHING"};
constexpr Sql select_children{
    "SELECT job_id, on_failure FROM job_dependencies WHERE parent_id = $1 AND job_id > $2 AND settled = 0 "
    "AND ($3 OR on_failure <> 'wait') ORDER BY job_id LIMIT $4"};
constexpr Sql insert_unsettled{
    "INSERT INTO unsettled_parents (organization_id, job_id, ended, settled_until, since) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (job_id) DO UPDATE SET ended = excluded.ended, settled_until = excluded.settled_until"};
constexpr Sql select_unsettled{
    "SELECT organization_id, job_id, ended, settled_until FROM unsettled_parents ORDER BY since, job_id LIMIT 1"};
constexpr Sql delete_unsettled{"DELETE FROM unsettled_parents WHERE organization_id = $1 AND job_id = $2"};

constexpr std::string_view names_of_ends[] = {"succeeded", "failed", "purged"};
constexpr Sql select_parents{
    "SELECT parent_id, on_failure FROM job_dependencies WHERE organization_id = $1 AND job_id = $2 ORDER BY parent_id"};
constexpr Sql set_dependency{
    "UPDATE job_dependencies SET settled = $4 WHERE organization_id = $1 AND parent_id = $2 AND job_id = $3"};
constexpr Sql settle_dependency{
    "UPDATE job_dependencies SET settled = 1 WHERE parent_id = $1 AND job_id = $2 AND settled = 0"};
constexpr Sql unblock{"UPDATE jobs SET blocked_by = blocked_by - 1 WHERE id = $1 AND state = 'blocked' "
                      "RETURNING blocked_by, organization_id, created_by, queue, kind, resource, priority, run_at"};
constexpr Sql set_state{"UPDATE jobs SET state = $2, run_at = $3 WHERE id = $1"};
constexpr Sql count_end{"UPDATE flows SET succeeded = succeeded + $2, failed = failed + $3, "
                        "finished_at = CASE WHEN succeeded + failed + 1 >= jobs THEN CAST($4 AS BIGINT) END "
                        "WHERE id = $1"};
constexpr Sql uncount_end{"UPDATE flows SET failed = CASE WHEN failed > 0 THEN failed - 1 ELSE 0 END, "
                          "finished_at = NULL WHERE id = $1"};

} // namespace

void add(store::OrganizationSession& session, JobId job, const values::Dependency& dependency, bool settled) {
    session.execute(insert_dependency, {dependency.parent, job, values::name(dependency.on_failure), settled});
}

std::vector<values::Dependency> parents(store::OrganizationSession& session, JobId job) {
    std::vector<values::Dependency> all;
    auto rows = session.query(select_parents, {job});
    while (rows.next())
        all.push_back({rows.id<JobId>(0), values::on_failure(rows.text(1)).value_or(values::OnFailure::fail)});
    return all;
}

void set_settled(store::OrganizationSession& session, JobId parent, JobId job, bool settled) {
    session.execute(set_dependency, {parent, job, settled});
}

std::vector<Child> unsettled_children(SystemSession& session, const Parent& parent, int most) {
    std::vector<Child> children;
    const auto after = parent.settled_until ? parent.settled_until->text() : std::string{};
    auto rows = session.query(select_children, {parent.id, after, parent.end != ParentEnd::failed, most});
    while (rows.next())
        children.push_back({rows.id<JobId>(0), values::on_failure(rows.text(1)).value_or(values::OnFailure::fail)});
    return children;
}

std::vector<bool> have_children(SystemSession& session, const std::vector<JobId>& succeeded) {
    std::vector<std::array<store::Value, 4>> parents;
    for (const auto& id : succeeded) parents.push_back({id, "", true, 1});
    std::vector<bool> found(parents.size());
    session.query_each(select_children, parents, [&](std::size_t i, store::Rows& rows) { found[i] = rows.next(); });
    return found;
}

void settle_later(store::OrganizationSession& session, const Parent& parent, Timestamp now) {
    const auto until = parent.settled_until ? parent.settled_until->text() : std::string{};
    session.execute(insert_unsettled, {parent.id, names_of_ends[static_cast<std::size_t>(parent.end)], until, now});
}

std::optional<Unsettled> first_unsettled(SystemSession& session) {
    auto rows = session.query(select_unsettled);
    if (!rows.next()) return std::nullopt;
    const auto word = rows.text(2);
    const auto end = word == names_of_ends[0]   ? ParentEnd::succeeded
                     : word == names_of_ends[1] ? ParentEnd::failed
                                                : ParentEnd::purged;
    return Unsettled{rows.id<OrganizationId>(0), {rows.id<JobId>(1), end, JobId::parse(rows.text(3))}};
}

void settled(store::OrganizationSession& session, JobId parent) { session.execute(delete_unsettled, {parent}); }

std::optional<Unblocked> settle(SystemSession& session, JobId parent, JobId child) {
    if (session.execute(settle_dependency, {parent, child}) == 0) return std::nullopt;
    auto rows = session.query(unblock, {child});
    if (!rows.next()) return std::nullopt;
    Unblocked unblocked{static_cast<int>(rows.integer(0)),
                        rows.id<OrganizationId>(1),
                        {},
                        rows.string(3),
                        rows.string(4),
                        rows.string(5),
                        static_cast<int>(rows.integer(6)),
                        rows.time(7)};
    if (!rows.text(2).empty()) unblocked.actor = rows.id<ActorId>(2);
    rows.next();
    return unblocked;
}

void set_ready(SystemSession& session, JobId id, values::JobState state, Timestamp due) {
    session.execute(set_state, {id, values::name(state), due});
}

void count_in_flow(SystemSession& session, FlowId flow, bool succeeded, Timestamp now) {
    session.execute(count_end, {flow, succeeded ? 1 : 0, succeeded ? 0 : 1, now});
}

void uncount_in_flow(SystemSession& session, FlowId flow) { session.execute(uncount_end, {flow}); }

} // namespace millrace::jobs::dependency_repository
