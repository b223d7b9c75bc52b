// The SQL of jobs. Every function runs inside a store task; what a person asks for goes through a TenantSession,
// what the daemon does for all organisations through a Session. Writes after the claim name the lease token in
// their WHERE: a late one changes nothing and returns false.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "model/job.hpp"
#include "store/database.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs::job_repository {

void insert(store::TenantSession& session, const model::Job& job);

std::optional<model::Job> find(store::TenantSession& session, JobId id);
std::vector<model::JobAttempt> attempts(store::TenantSession& session, JobId id);

struct Filter {
    std::optional<model::JobState> state;
    std::optional<std::string> kind, queue;
    std::optional<std::pair<std::string, std::string>> tag;
    std::optional<Timestamp> created_after, created_before;
    std::optional<JobId> before; // the cursor: only jobs made earlier than this one
    int limit = 50;
};
// Newest first; payload and result included.
std::vector<model::Job> list(store::TenantSession& session, const Filter& filter, Timestamp now);

// The stored answer of an earlier request with the same key, or nullopt after storing this one.
struct StoredAnswer {
    std::string payload_sha256, body;
    int status = 0;
};
std::optional<StoredAnswer> remember_request(store::TenantSession& session, const std::string& scope, const std::string& key,
                                             const StoredAnswer& answer, Timestamp now);
void forget_requests(store::Session& session, Timestamp older_than);

// ── of the dispatcher ────────────────────────────────────────────────────────────────────────────────────────

struct Claimed {
    OrganizationId organization;
    int attempt = 0, max_attempts = 0, priority = 0;
    std::string payload;
    double timeout_seconds = 0;
};
// nullopt when the job is no longer waiting (cancelled meanwhile).
std::optional<Claimed> claim(store::Session& session, JobId id, std::int64_t lease, Timestamp now);

bool complete(store::Session& session, JobId id, std::int64_t lease, const std::string& result, Timestamp now);
bool fail(store::Session& session, JobId id, std::int64_t lease, const model::JobError& error, std::optional<Timestamp> retry_at,
          Timestamp now);
void add_attempt(store::Session& session, OrganizationId organization, JobId id, const model::JobAttempt& attempt);

// How earlier attempts ended; on the failure path only.
struct AttemptCounts {
    int failed = 0, worker_lost = 0, lost = 0;
};
AttemptCounts count_attempts(store::Session& session, OrganizationId organization, JobId id);

// At start, before anything is dispatched: what ran when the process died waits again, its attempt recorded as
// lost; after `max_lost` of those the job is dead. Returns how many were found running.
std::size_t requeue_running(store::Session& session, int max_lost, Timestamp now);

struct WaitingRow {
    JobId id;
    std::string_view queue, kind;
    int priority;
    Timestamp due;
};
void each_waiting(store::Session& session, const std::function<void(const WaitingRow&)>& visit);

// Ended jobs by state, for the totals. A full scan: on a reader.
std::vector<std::pair<model::JobState, std::int64_t>> count_ended(store::Session& session, Timestamp before);

// ── of a person ──────────────────────────────────────────────────────────────────────────────────────────────

// The attempt goes back unused: a clean stop of the daemon.
void release(store::Session& session, JobId id, std::int64_t lease);

// False when the job had already ended. A running attempt is fenced off by this.
bool cancel(store::TenantSession& session, JobId id, Timestamp now);
// Puts a dead, cancelled or expired job back in line with its attempts allowed anew; false otherwise.
bool replay(store::TenantSession& session, JobId id, Timestamp now);

} // namespace millrace::jobs::job_repository
