// The SQL of what waits for what, and of flows' counts. Inside the writer's transaction.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "model/job.hpp"
#include "store/database.hpp"

#include <vector>

namespace millrace::jobs::dependency_repository {

void add(store::TenantSession& session, JobId job, const model::Dependency& dependency, bool settled);

struct Child {
    JobId id;
    model::OnFailure on_failure;
};
std::vector<Child> unsettled_children(store::Session& session, JobId parent);

// The child no longer waits for this parent. How many it still waits for.
struct Unblocked {
    int blocked_by = 0;
    OrganizationId organization;
    KeyId key;
    std::string queue, kind, resource;
    int priority = 0;
    Timestamp run_at;
};
std::optional<Unblocked> settle(store::Session& session, JobId parent, JobId child); // nullopt: the child is not blocked any more
// `due` is stored: memory knows a job that stands in line by its id and that time.
void set_ready(store::Session& session, JobId id, model::JobState state, Timestamp due);

void count_in_flow(store::Session& session, FlowId flow, bool succeeded, Timestamp now);
void uncount_in_flow(store::Session& session, FlowId flow);

} // namespace millrace::jobs::dependency_repository
