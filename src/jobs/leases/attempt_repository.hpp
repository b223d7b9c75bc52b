// The SQL of attempts: claim, heartbeat, end. Every function runs inside a store task. Writes after the claim name the
// lease token in their WHERE: a late one changes nothing and returns false.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "store/database.hpp"
#include "values/job.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

// An attempt that was begun: the job as it was claimed, and what fences off everybody else.
struct Lease {
    JobId id;
    OrganizationId organization;
    ActorId created_by;
    std::string kind, queue, resource, payload, tags, unique_key, flow_ref, worker;
    std::optional<FlowId> flow;
    std::int64_t token = 0;
    Timestamp created_at, run_at, started_at;
    int attempt = 0, max_attempts = 0, priority = 0;
    int replayed_after = 0; // attempts begun before it was last replayed: they count no more
    double timeout_seconds = 0;
    std::optional<Timestamp> expires_at, deadline_at;
    std::string retry_json; // its own retry policy, as stored; empty: none
    std::optional<values::RetryPolicy> retry;
};

namespace attempt_repository {

// A job that begins as it is submitted.
Lease insert_running(store::OrganizationSession& session, const values::Job& job, std::int64_t token, Timestamp now);

struct Claim {
    JobId id;
    std::int64_t token = 0;
};
// Each as it was claimed; nullopt when the job is no longer waiting (cancelled meanwhile).
std::vector<std::optional<Lease>> claim(store::SystemSession& session, const std::vector<Claim>& claims, Timestamp now,
                                        std::optional<std::chrono::milliseconds> external_lease,
                                        std::string_view worker);
// The attempt goes back unused: a clean stop of the daemon, a claim that came too late. Since when it is ready; nullopt
// when the lease is not good.
std::optional<Timestamp> release(store::SystemSession& session, JobId id, std::int64_t token);
bool heartbeat(store::OrganizationSession& session, JobId id, std::int64_t token, std::optional<int> progress_percent);

std::chrono::milliseconds lease_length(store::OrganizationSession& session, JobId id); // of a running job

// Who holds this lease; nullopt when nobody does any more.
std::optional<Lease> find(store::OrganizationSession& session, JobId id, std::int64_t token);

void add(store::SystemSession& session, const OrganizationId& organization, JobId id,
         const values::JobAttempt& attempt);
// These attempts were the last of their jobs, which leave the queue: whether each lease was still good. Where it was,
// the job is then to be put into the history.
std::vector<bool> leave(store::SystemSession& session, const std::vector<const Lease*>& leases);
void put_into_history(store::SystemSession& session, const Lease& lease, values::JobState state,
                      const std::string* result, const values::JobError* error, Timestamp now);

// How earlier attempts ended, since it was last replayed; on the failure path only. `failed`: those that count against
// max_attempts, of which `worker_lost` ended a worker. `lost`: with the daemon.
struct Counts {
    int failed = 0, worker_lost = 0, lost = 0;
};
Counts counts(store::SystemSession& session, const Lease& lease);

// Running when the daemon died.
struct Found {
    Lease lease;
    std::optional<std::chrono::milliseconds> external; // length of the lease
};
std::vector<Found> running(store::SystemSession& session);
void requeue(store::SystemSession& session, JobId id, const values::JobError& lost);

struct WaitingRow {
    JobId id;
    OrganizationId organization;
    ActorId actor;
    std::string_view queue, kind, resource;
    values::JobState state;
    int priority;
    Timestamp due;
    std::optional<Timestamp> ends_by; // of expires_at, where no attempt has begun, and deadline_at the earlier
};
void each_waiting(store::SystemSession& session, const std::function<void(const WaitingRow&)>& visit);

// The shares of the keys: organisation, key, weight of the one, weight of the other.
void each_weight(store::SystemSession& session,
                 const std::function<void(const OrganizationId&, const ActorId&, int, int)>& visit);

} // namespace attempt_repository
} // namespace millrace::jobs
