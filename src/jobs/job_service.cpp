#include "jobs/job_service.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace millrace::jobs {
namespace {

using store::Session;
using store::TenantSession;

Error no_such_job(JobId id) { return {Code::not_found, fmt::format("there is no job {}", id.text())}; }

} // namespace

JobService::JobService(store::Database& database, Dispatcher& dispatcher, Clock& clock, std::size_t max_backlog)
    : database_{database}, dispatcher_{dispatcher}, clock_{clock}, max_backlog_{max_backlog} {}

Result<void> JobService::admit(OrganizationId organization, const model::NewJob& job) const {
    const auto* processor = dispatcher_.processor(job.kind);
    if (!processor) return Error{Code::unprocessable, fmt::format("nothing here runs jobs of kind \"{}\"", job.kind)};
    if (dispatcher_.backlog() >= max_backlog_)
        return Error{Code::unavailable, fmt::format("{} jobs are waiting, which is the limit (jobs.max_backlog); try again later", max_backlog_)};
    return processor->check(organization, job.payload);
}

awaitable<Result<Accepted>> JobService::submit(model::Principal who, Submission submission) {
    if (const auto admitted = admit(who.organization, submission.job); !admitted) co_return admitted.error();
    const Timestamp now = clock_.now();
    auto& asked = submission.job;
    model::Job job;
    job.id = submission.id;
    job.organization = who.organization;
    job.kind = asked.kind;
    job.queue = asked.queue;
    job.priority = asked.priority;
    job.payload = boost::json::serialize(asked.payload);
    job.tags = boost::json::serialize(asked.tags);
    job.max_attempts = asked.max_attempts;
    job.timeout_seconds = asked.timeout_seconds;
    job.created_at = now;
    job.run_at = std::max(asked.run_at.value_or(now), now);
    job.state = job.run_at > now ? model::JobState::scheduled : model::JobState::queued;
    const Timestamp due = job.run_at;

    // Queue names are checked to be plain words, so nothing here needs escaping.
    Accepted accepted{job.id, false, fmt::format(R"({{"id":"{}","state":"{}","queue":"{}"}})", job.id.text(), model::name(job.state), job.queue)};
    auto task = [job = std::move(job), accepted, idempotency = std::move(submission.idempotency),
                 effects = std::move(submission.effects)](Session& session) mutable -> Result<Accepted> {
        TenantSession tenant{session, job.organization};
        if (idempotency) {
            const auto earlier = job_repository::remember_request(tenant, "POST /api/v1/jobs", idempotency->key,
                                                                  {idempotency->payload_sha256, accepted.body, 202}, job.created_at);
            if (earlier && earlier->payload_sha256 != idempotency->payload_sha256)
                return Error{Code::unprocessable, "this Idempotency-Key was used with another payload; use a new key"};
            if (earlier) return Accepted{*JobId::parse(boost::json::parse(earlier->body).at("id").as_string()), true, earlier->body};
        }
        job_repository::insert(tenant, job);
        for (const auto& effect : effects) effect(session);
        return std::move(accepted);
    };
    auto outcome = co_await database_.write(std::move(task));
    if (outcome && !outcome->replayed) dispatcher_.enqueue(submission.id, std::move(asked.queue), std::move(asked.kind), asked.priority, due, true);
    co_return outcome;
}

awaitable<Result<std::optional<model::Job>>> JobService::find(OrganizationId organization, JobId id) {
    auto task = [organization, id](Session& session) -> Result<std::optional<model::Job>> {
        TenantSession tenant{session, organization};
        return job_repository::find(tenant, id);
    };
    co_return co_await database_.read(std::move(task));
}

awaitable<Result<std::optional<JobDetail>>> JobService::detail(OrganizationId organization, JobId id) {
    auto task = [organization, id](Session& session) -> Result<std::optional<JobDetail>> {
        TenantSession tenant{session, organization};
        auto job = job_repository::find(tenant, id);
        if (!job) return std::optional<JobDetail>{};
        return std::optional{JobDetail{std::move(*job), job_repository::attempts(tenant, id)}};
    };
    co_return co_await database_.read(std::move(task));
}

awaitable<Result<std::vector<model::Job>>> JobService::list(OrganizationId organization, job_repository::Filter filter) {
    auto task = [organization, filter = std::move(filter), now = clock_.now()](Session& session) -> Result<std::vector<model::Job>> {
        TenantSession tenant{session, organization};
        return job_repository::list(tenant, filter, now);
    };
    co_return co_await database_.read(std::move(task));
}

awaitable<Result<void>> JobService::cancel(model::Principal who, JobId id) {
    auto task = [who, id, now = clock_.now()](Session& session) -> Result<void> {
        TenantSession tenant{session, who.organization};
        if (job_repository::cancel(tenant, id, now)) return success();
        const auto job = job_repository::find(tenant, id);
        if (!job) return no_such_job(id);
        return Error{Code::conflict, fmt::format("the job has already ended: it is {}", model::name(job->state))};
    };
    const auto done = co_await database_.write(std::move(task));
    if (done) dispatcher_.cancelled(id);
    co_return done;
}

awaitable<Result<void>> JobService::retry(model::Principal who, JobId id) {
    auto task = [who, id, now = clock_.now()](Session& session) -> Result<model::Job> {
        TenantSession tenant{session, who.organization};
        const bool replayed = job_repository::replay(tenant, id, now);
        auto job = job_repository::find(tenant, id);
        if (!job) return no_such_job(id);
        if (!replayed)
            return Error{Code::conflict, fmt::format("only a dead, cancelled or expired job can be retried; this one is {}", model::name(job->state))};
        return std::move(*job);
    };
    auto job = co_await database_.write(std::move(task));
    if (!job) co_return job.error();
    dispatcher_.enqueue(id, job->queue, job->kind, job->priority, job->run_at, false);
    co_return success();
}

} // namespace millrace::jobs
