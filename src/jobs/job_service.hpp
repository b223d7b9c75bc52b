// What people and programs do with jobs. Thread-safe; coroutines resume on the caller's executor. Nothing is
// answered before it is committed.
#pragma once
#include "base/clock.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/job_repository.hpp"
#include "model/principal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

// The Idempotency-Key of a request (IETF draft httpapi-idempotency-key-header): the same key and payload give the
// same answer, the same key with another payload is refused.
struct IdempotentRequest {
    std::string key;
    std::string payload_sha256;
};

struct Submission {
    JobId id = JobId::make(); // known before, so that a waiter can be seated first
    model::NewJob job;
    std::optional<IdempotentRequest> idempotency;
    std::vector<Effect> effects; // rows that belong to the job, written with it: its uploaded files
};

struct Accepted {
    JobId id;
    bool replayed = false; // the answer to an earlier request with the same key
    std::string body;      // {"id","state","queue"}
};

struct JobDetail {
    model::Job job;
    std::vector<model::JobAttempt> attempts;
};

class JobService {
public:
    JobService(store::Database& database, Dispatcher& dispatcher, Clock& clock, std::size_t max_backlog);

    // unprocessable: no such kind, or a payload that can never work; unavailable: the backlog is full.
    awaitable<Result<Accepted>> submit(model::Principal who, Submission submission);

    awaitable<Result<std::optional<model::Job>>> find(OrganizationId organization, JobId id);
    awaitable<Result<std::optional<JobDetail>>> detail(OrganizationId organization, JobId id);
    awaitable<Result<std::vector<model::Job>>> list(OrganizationId organization, job_repository::Filter filter);
    awaitable<JobOutlook> outlook(model::Job job) { return dispatcher_.outlook(std::move(job)); }

    // not_found, or conflict when the job has ended already.
    awaitable<Result<void>> cancel(model::Principal who, JobId id);
    // Another set of attempts for a dead, cancelled or expired job.
    awaitable<Result<void>> retry(model::Principal who, JobId id);

    Waiters& waiters() { return dispatcher_.waiters(); }

private:
    Result<void> admit(OrganizationId organization, const model::NewJob& job) const;

    store::Database& database_;
    Dispatcher& dispatcher_;
    Clock& clock_;
    std::size_t max_backlog_;
};

} // namespace millrace::jobs
