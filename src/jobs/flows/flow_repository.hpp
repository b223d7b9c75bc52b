// The SQL of flows. Inside store tasks.
#pragma once
#include "jobs/flows.hpp"
#include "store/database.hpp"

#include <optional>
#include <vector>

namespace millrace::jobs::flow_repository {

void insert(store::TenantSession& session, const Flow& flow, const KeyId& created_by);
std::optional<Flow> find(store::TenantSession& session, FlowId id);
std::vector<Flow> list(store::TenantSession& session, const std::optional<FlowId>& before, int limit);
std::vector<FlowNode> nodes(store::TenantSession& session, FlowId id, const std::optional<JobId>& callback);
std::vector<FlowLink> links(store::TenantSession& session, FlowId id);
std::vector<JobId> unfinished(store::TenantSession& session, FlowId id);
void forget_empty(store::Session& session, FlowId id); // when none of its jobs is kept any more

} // namespace millrace::jobs::flow_repository
