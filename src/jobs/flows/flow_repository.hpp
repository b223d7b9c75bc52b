// The SQL of flows. Inside store tasks.
#pragma once
#include "jobs/flows.hpp"
#include "store/database.hpp"

#include <optional>
#include <vector>

namespace millrace::jobs::flow_repository {

void insert(store::OrganizationSession& session, const Flow& flow, const ActorId& created_by);
std::optional<Flow> find(store::OrganizationSession& session, FlowId id);
std::vector<Flow> list(store::OrganizationSession& session, const std::optional<FlowId>& before, int limit);
std::vector<FlowNode> nodes(store::OrganizationSession& session, FlowId id, const std::optional<JobId>& callback);
std::vector<FlowLink> links(store::OrganizationSession& session, FlowId id);
std::vector<JobId> unfinished(store::OrganizationSession& session, FlowId id);
void forget_empty(store::SystemSession& session, FlowId id); // when none of its jobs is kept any more

} // namespace millrace::jobs::flow_repository
