// One job's way to the history, and what waits for it: the steps of which each end is made (ending.hpp). Inside the
// writer's transaction.
#pragma once
#include "jobs/flows/dependency_repository.hpp"
#include "jobs/moves.hpp"

#include <optional>

namespace millrace::jobs {

// Ends one job that has not ended; what waits for it is left to the caller. False when it has ended
// already, or `only_waiting` and it runs.
bool end_one(store::SystemSession& session, const OrganizationId& organization, JobId id, values::JobState state,
             const std::optional<values::JobError>& error, Timestamp now, Settled& settled, bool only_waiting);

// How many children one end settles at once; those beyond come in tasks of their own.
constexpr int children_at_once = 32;

// What waits for `first`, and for whatever ends because of that. A list rather than recursion: chains may be long.
// However many there are, a transaction settles so many of them at most and writes down whose are left: settle_more()
// goes on.
void settle_children(store::SystemSession& session, const OrganizationId& organization,
                     dependency_repository::Parent first, Timestamp now, Settled& settled, int most = children_at_once);

} // namespace millrace::jobs
