// How a job ends, inside the writer's transaction: it moves to the history, its flow is counted, and what waits for it
// is settled, all together or not at all.
#pragma once
#include "jobs/leases/attempt_repository.hpp"
#include "jobs/moves.hpp"
#include "jobs/processor.hpp"
#include "store/database.hpp"
#include "store/turn.hpp"
#include "values/job.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

struct EndRules {
    int max_lost = 20;        // daemon deaths under one job before it is dead
    int max_worker_kills = 3; // workers that one job ended before it is dead, whatever its max_attempts
};

// Adds what ended to the totals and lets all be heard of: once, at the end of each transaction that moves jobs.
void publish(store::SystemSession& session, Settled settled);
void publish(store::OrganizationSession& tenant, Settled settled);

// Operators hear of a job that is dead.
void write_dead_event(store::SystemSession& session, const Moved& moved, const values::JobError& error, Timestamp now);

// As if it had not been claimed: a clean stop of the daemon, a worker that never got it. Nothing when the lease is
// over.
void give_back_unused(store::SystemSession& session, const Lease& lease);

// What an attempt's end says about its queue and its resource.
AttemptVerdict verdict_on(const Outcome& outcome);

// Ends one attempt. Nothing happens when the lease is no longer good: `Settled` is empty. `policy`: the retry policy
// that the job goes by. `random` gives 64 random bits, and is asked when a retry's delay needs them. The first of the
// settled is the job itself, ended or waiting again.
using Random = std::function<std::uint64_t()>;
Settled end_attempt(store::SystemSession& session, const Lease& lease, const Outcome& outcome,
                    const values::RetryPolicy& policy, const EndRules& rules, const Random& random, Timestamp now);

// The same for many at once, with few round trips. Borrows all.
struct AttemptEnd {
    const Lease& lease;
    const Outcome& outcome;
    const values::RetryPolicy& policy;
};
Settled end_attempts(store::SystemSession& session, const std::vector<AttemptEnd>& ends, const EndRules& rules,
                     const Random& random, Timestamp now);

// A job that has not ended goes to the history as `state` (cancelled, expired, dead), and what waits for it is settled.
// False when it has ended already, or `only_waiting` and it runs.
bool end_job(store::OrganizationSession& tenant, JobId id, values::JobState state,
             const std::optional<values::JobError>& error, Timestamp now, Settled& settled, bool only_waiting = false);

// An ended job goes for good: nobody can make it succeed any more, so what still waits for it fails.
void purged(store::OrganizationSession& tenant, JobId id, Timestamp now, Settled& settled);

// The next turn at what earlier transactions have left; `more` says whether another is needed. Also at start, after a
// crash between. Publishes it.
Settled settle_more(store::SystemSession& session, Timestamp now);

// A job that waits past its deadline_at, or past its expires_at without ever having begun, is expired. False when it is
// not such a one.
bool expire_job(store::OrganizationSession& tenant, JobId id, Timestamp now, Settled& settled);

// At start: what ran here when the daemon died waits again, its attempt recorded as lost; after `max_lost` of those it
// is dead. Leases of external workers stay; they are returned.
struct Recovered {
    std::size_t requeued = 0;
    std::vector<attempt_repository::Found> external;
};
Recovered recover_running(store::SystemSession& session, const EndRules& rules, Timestamp now);

// Why a job is not replayed.
struct NotReplayed {
    std::optional<JobId> held_by;       // another job that has its unique key and has not ended
    std::optional<JobId> failed_parent; // a job that it depends on, which ended without success
    // neither: its own state does not allow it
};
// Puts an ended job back in line with its attempts allowed anew. It goes by the rules of a submission: it takes its
// unique key again, and waits for what it depends on, as that is now. What it depended on and is no longer kept is
// waited for no more.
boost::system::result<Moved, NotReplayed> replay_job(store::OrganizationSession& tenant, JobId id, Timestamp due,
                                                     const std::optional<std::string>& payload, Timestamp now);

} // namespace millrace::jobs
