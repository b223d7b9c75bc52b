#include "jobs/flows/flow_repository.hpp"

namespace millrace::jobs::flow_repository {
namespace {

using store::Sql;
using store::OrganizationSession;

#define MILLRACE_FLOW_COLUMNS "id, name, created_at, finished_at, callback_job_id, jobs, succeeded, failed"
constexpr Sql insert_flow{"INSERT INTO flows (organization_id, id, name, created_by, created_at, callback_job_id, "
                          "jobs) VALUES ($1, $2, $3, $4, $5, $6, $7)"};
constexpr Sql find_flow{"SELECT " MILLRACE_FLOW_COLUMNS " FROM flows WHERE organization_id = $1 AND id = $2"};
constexpr Sql list_flows{"SELECT " MILLRACE_FLOW_COLUMNS
                         " FROM flows WHERE organization_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"};
#define MILLRACE_NODE_COLUMNS "id, coalesce(flow_ref, ''), kind, queue, state, attempt, progress_percent"
constexpr Sql select_nodes{
    "SELECT " MILLRACE_NODE_COLUMNS " FROM jobs WHERE organization_id = $1 AND flow_id = $2 UNION ALL "
    "SELECT " MILLRACE_NODE_COLUMNS " FROM finished_jobs WHERE organization_id = $1 AND flow_id = $2 ORDER BY id"};
constexpr Sql select_links{
    "SELECT d.parent_id, d.job_id, d.on_failure FROM job_dependencies d WHERE d.organization_id = $1 AND d.job_id IN "
    "(SELECT id FROM jobs WHERE flow_id = $2 UNION ALL SELECT id FROM finished_jobs WHERE flow_id = $2) ORDER BY "
    "d.job_id, d.parent_id"};
constexpr Sql select_unfinished{"SELECT id FROM jobs WHERE organization_id = $1 AND flow_id = $2 ORDER BY id"};

constexpr Sql delete_empty{"DELETE FROM flows WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE flow_id = $1) "
                           "AND NOT EXISTS (SELECT 1 FROM finished_jobs WHERE flow_id = $1)"};

Flow read_flow(store::Rows& rows) {
    Flow flow{rows.id<FlowId>(0),
              rows.string(1),
              rows.time(2),
              rows.maybe_time(3),
              {},
              static_cast<int>(rows.integer(5)),
              static_cast<int>(rows.integer(6)),
              static_cast<int>(rows.integer(7))};
    if (!rows.is_null(4)) flow.callback = rows.id<JobId>(4);
    return flow;
}

} // namespace

void insert(OrganizationSession& session, const Flow& flow, const ActorId& created_by) {
    session.execute(insert_flow, {flow.id, flow.name, created_by, flow.created_at, flow.callback, flow.jobs});
}

std::optional<Flow> find(OrganizationSession& session, FlowId id) {
    auto rows = session.query(find_flow, {id});
    return rows.next() ? std::optional{read_flow(rows)} : std::nullopt;
}

std::vector<Flow> list(OrganizationSession& session, const std::optional<FlowId>& before, int limit) {
    auto rows = session.query(list_flows, {before ? before->text() : "ffffffff-ffff-ffff-ffff-ffffffffffff", limit});
    std::vector<Flow> flows;
    while (rows.next()) flows.push_back(read_flow(rows));
    return flows;
}

std::vector<FlowNode> nodes(OrganizationSession& session, FlowId id, const std::optional<JobId>& callback) {
    auto rows = session.query(select_nodes, {id});
    std::vector<FlowNode> nodes;
    while (rows.next()) {
        nodes.push_back({rows.id<JobId>(0), rows.string(1), rows.string(2), rows.string(3),
                         *values::job_state(rows.text(4)), static_cast<int>(rows.integer(5)),
                         static_cast<int>(rows.integer(6))});
        nodes.back().callback = callback && nodes.back().id == *callback;
    }
    return nodes;
}

std::vector<FlowLink> links(OrganizationSession& session, FlowId id) {
    auto rows = session.query(select_links, {id});
    std::vector<FlowLink> links;
    while (rows.next())
        links.push_back(
            {rows.id<JobId>(0), rows.id<JobId>(1), values::on_failure(rows.text(2)).value_or(values::OnFailure::fail)});
    return links;
}

std::vector<JobId> unfinished(OrganizationSession& session, FlowId id) {
    auto rows = session.query(select_unfinished, {id});
    std::vector<JobId> ids;
    while (rows.next()) ids.push_back(rows.id<JobId>(0));
    return ids;
}

void forget_empty(store::SystemSession& session, FlowId id) { session.execute(delete_empty, {id}); }

} // namespace millrace::jobs::flow_repository
