// What people and programs do with jobs. Thread-safe; coroutines resume on the caller's executor. Nothing is
// answered before it is committed.
#pragma once
#include "async/thread_pool.hpp"
#include "base/clock.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/job_repository.hpp"
#include "jobs/submission/idempotent_request.hpp"
#include "jobs/submission/submission.hpp"
#include "jobs/why.hpp"
#include "values/principal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

struct Submission {
    JobId id = JobId::make(); // known before, so that a waiter can be seated first
    values::NewJob job;
    std::optional<IdempotentRequest> idempotency;
    std::vector<Effect> effects; // rows that belong to the job, written with it: its uploaded files
};

struct Accepted {
    JobId id;
    bool replayed = false;  // the answer to an earlier request with the same key
    bool duplicate = false; // an earlier job with the same unique key: nothing new was made
    std::string body;       // {"id","state","queue"}, and "duplicate":true
};

// Of many jobs submitted together, in their order: the job, or why it was refused.
struct BatchAccepted {
    std::vector<Result<Accepted>> items;
    std::optional<std::string> replayed; // the whole answer to an earlier request with the same key
};

struct JobDetail {
    values::Job job;
    std::vector<values::JobAttempt> attempts;
    std::vector<values::Dependency> depends_on;
};

struct Explained {
    values::Job job;
    Why why;
    JobOutlook outlook;
    std::vector<ParentView> waits_for; // of a blocked job: what holds it up
};

Error no_such_job(JobId id); // not_found

class JobService {
public:
    // `pool` checks payloads that take long to parse.
    JobService(store::Database& database, Dispatcher& dispatcher, Clock& clock, async::ThreadPool& pool);

    // unprocessable: no such kind, or a payload that can never work; unavailable, with when to try again: the backlog,
    // the disk or the memory is full, or a breaker is open.
    awaitable<Result<Accepted>> submit(values::Principal who, Submission submission);
    // One commit for all. `render` makes the answer that an Idempotency-Key keeps.
    using RenderBatch = std::function<std::string(const BatchAccepted&)>;
    awaitable<Result<BatchAccepted>> submit_batch(values::Principal who, std::vector<Result<values::NewJob>> jobs,
                                                  std::optional<IdempotentRequest> idempotency, RenderBatch render);

    // For whoever submits inside a transaction of his own: prepare, on any thread, then store_job(). The second
    // prepares one of several jobs of a request, and counts it among them.
    Result<Prepared> prepare(const values::Principal& who, values::NewJob asked, Timestamp now,
                             JobId id = JobId::make(), const Admitted& beside = {}) const;
    Result<Prepared> prepare(const values::Principal& who, values::NewJob asked, Timestamp now, Admitted& beside) const;

    awaitable<Result<std::optional<values::Job>>> find(OrganizationId organization, JobId id);
    awaitable<Result<std::optional<JobDetail>>> detail(OrganizationId organization, JobId id);
    awaitable<Result<job_repository::JobPage>> list(OrganizationId organization, job_repository::Filter filter);
    // Why it is not done, or how it ended.
    awaitable<Result<std::optional<Explained>>> why(OrganizationId organization, JobId id);
    awaitable<JobOutlook> outlook(values::Job job) { return dispatcher_.outlook(std::move(job)); }
    // The policy that its next retry follows: its own, its queue's or the default.
    values::RetryPolicy retry_policy(const values::Job& job) const { return dispatcher_.retry_policy(job); }

    // not_found, or conflict when the job has ended already. Whatever waits for it is settled by its own policy.
    awaitable<Result<void>> cancel(values::Principal who, JobId id);
    // Another set of attempts for a dead, cancelled or expired job; `payload` replaces its own (JSON text, checked).
    awaitable<Result<void>> retry(values::Principal who, JobId id, std::optional<std::string> payload);

    Waiters& waiters() { return dispatcher_.waiters(); }

private:
    // The earlier answer to a request that would be refused now; otherwise why.
    awaitable<Result<Accepted>> refuse(OrganizationId organization, std::optional<IdempotentRequest> request,
                                       Error why);

    store::Database& database_;
    Dispatcher& dispatcher_;
    Clock& clock_;
    async::ThreadPool& pool_;
};

} // namespace millrace::jobs
