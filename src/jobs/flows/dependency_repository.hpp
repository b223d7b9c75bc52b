// The SQL of what waits for what, and of flows' counts. Inside the writer's transaction.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "store/database.hpp"
#include "values/job.hpp"

#include <optional>
#include <vector>

namespace millrace::jobs::dependency_repository {

void add(store::OrganizationSession& session, JobId job, const values::Dependency& dependency, bool settled);

// What a job depends on, settled or not, and whether it waits for it from now on.
std::vector<values::Dependency> parents(store::OrganizationSession& session, JobId job);
void set_settled(store::OrganizationSession& session, JobId parent, JobId job, bool settled);

struct Child {
    JobId id;
    values::OnFailure on_failure = values::OnFailure::fail;
};
enum class ParentEnd { succeeded, failed, purged };
// A job that has ended, and how far what waits for it was settled, in the order of the ids.
struct Parent {
    JobId id;
    ParentEnd end = ParentEnd::failed;
    std::optional<JobId> settled_until;
};
// So many of those that are left. Those that wait for its success in any case stay when it has failed; none stays when
// it was purged.
std::vector<Child> unsettled_children(store::SystemSession& session, const Parent& parent, int most);
// Which of these, that have succeeded, have any.
std::vector<bool> have_children(store::SystemSession& session, const std::vector<JobId>& succeeded);

// Jobs that have ended, with more that wait for them than one transaction settles: what is left to do, kept until it is
// done.
void settle_later(store::OrganizationSession& session, const Parent& parent, Timestamp now);
struct Unsettled {
    OrganizationId organization;
    Parent parent;
};
std::optional<Unsettled> first_unsettled(store::SystemSession& session);
void settled(store::OrganizationSession& session, JobId parent);

// The child no longer waits for this parent. How many it still waits for.
struct Unblocked {
    int blocked_by = 0;
    OrganizationId organization;
    ActorId actor;
    std::string queue, kind, resource;
    int priority = 0;
    Timestamp run_at;
};
std::optional<Unblocked> settle(store::SystemSession& session, JobId parent,
                                JobId child); // nullopt: the child is not blocked any more
// `due` is stored: memory knows a job that stands in line by its id and that time.
void set_ready(store::SystemSession& session, JobId id, values::JobState state, Timestamp due);

void count_in_flow(store::SystemSession& session, FlowId flow, bool succeeded, Timestamp now);
void uncount_in_flow(store::SystemSession& session, FlowId flow);

} // namespace millrace::jobs::dependency_repository
