#include "jobs/job_service.hpp"

#include "base/crash_point.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "jobs/job_blobs.hpp"
#include "jobs/submission/read_payload.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace millrace::jobs {
namespace {

using store::OrganizationSession;

// Queue names are checked to be plain words, so nothing here needs escaping.
Accepted accepted(const Stored& stored) {
    return {stored.id, false, stored.duplicate,
            fmt::format(R"({{"id":"{}","state":"{}","queue":"{}"{}}})", stored.id.text(), values::name(stored.state),
                        stored.queue, stored.duplicate ? R"(,"duplicate":true)" : "")};
}

Accepted replayed(job_repository::StoredAnswer answer) {
    const auto id = JobId::parse(parse_json(answer.body).value().at("id").as_string());
    return {*id, true, false, std::move(answer.body)};
}

bool begins_at_once(const Prepared& prepared) {
    return prepared.job.state == values::JobState::queued && !prepared.unique && prepared.depends_on.empty();
}

} // namespace

JobService::JobService(store::Database& database, Dispatcher& dispatcher, Clock& clock, async::ThreadPool& pool)
    : database_{database},
      dispatcher_{dispatcher},
      clock_{clock},
      pool_{pool} {}

Result<Prepared> JobService::prepare(const values::Principal& who, values::NewJob asked, Timestamp now, JobId id,
                                     const Admitted& beside) const {
    const auto queue = dispatcher_.table().find_queue(who.organization, asked.queue); // a refused job makes none
    const auto rules = queue ? queue->rules() : std::make_shared<const QueueRules>();
    const auto& settings = rules->settings;
    const auto* processor = settings.external ? nullptr : dispatcher_.processor(asked.kind);
    if (!settings.external && !processor)
        return Error{Code::unprocessable,
                     fmt::format("nothing here runs jobs of kind \"{}\"; for workers of your own, set queue \"{}\" to "
                                 "external first",
                                 asked.kind, asked.queue)};
    auto read = read_payload(processor, who.organization, asked.payload);
    if (!read) return read.error();
    if (auto admitted = dispatcher_.admits(who.organization, asked.queue, asked.kind, read->resource, beside);
        !admitted)
        return admitted.error();
    if (beside.blobs + read->blobs.size() > job_blobs::most_of_document)
        return Error{
            Code::unprocessable,
            fmt::format("the jobs of one request may name {} blobs all together; send them in several requests",
                        job_blobs::most_of_document)};
    if (asked.expires_at && *asked.expires_at <= now)
        return Error{Code::unprocessable, "\"expires_at\" is in the past"};
    if (asked.deadline_at && *asked.deadline_at <= now)
        return Error{Code::unprocessable, "\"deadline_at\" is in the past"};
    Prepared prepared;
    auto& job = prepared.job;
    job.id = id;
    job.organization = who.organization;
    job.created_by = who.actor;
    job.kind = std::move(asked.kind);
    job.queue = std::move(asked.queue);
    job.resource = std::move(read->resource);
    job.priority = asked.priority.value_or(settings.priority.value_or(values::default_priority));
    job.payload = std::move(asked.payload);
    job.tags = asked.tags.empty() ? "{}" : json_text(asked.tags);
    job.max_attempts = asked.max_attempts.value_or(settings.max_attempts.value_or(values::default_attempts));
    job.timeout_seconds =
        asked.timeout_seconds.value_or(settings.timeout_seconds.value_or(values::default_timeout_seconds));
    job.retry = std::move(asked.retry);
    job.created_at = now;
    job.run_at = std::max(asked.run_at.value_or(now), now);
    job.expires_at = asked.expires_at;
    job.deadline_at = asked.deadline_at;
    job.state = job.run_at > now ? values::JobState::scheduled : values::JobState::queued;
    if (asked.unique) job.unique_key = asked.unique->key;
    prepared.weights = {who.organization_weight, who.key_weight};
    prepared.unique = std::move(asked.unique);
    prepared.depends_on = std::move(asked.depends_on);
    prepared.blobs = std::move(read->blobs);
    return prepared;
}

Result<Prepared> JobService::prepare(const values::Principal& who, values::NewJob asked, Timestamp now,
                                     Admitted& beside) const {
    auto prepared = prepare(who, std::move(asked), now, JobId::make(), beside);
    if (!prepared) return prepared;
    ++beside.all;
    beside.blobs += prepared->blobs.size();
    ++beside.of_queue[prepared->job.queue];
    return prepared;
}

awaitable<Result<Accepted>> JobService::submit(values::Principal who, Submission submission) {
    const Timestamp now = clock_.now();
    const auto bytes = submission.job.payload.size();
    auto check = [this, &who, &submission, now] { return prepare(who, std::move(submission.job), now, submission.id); };
    std::optional<Result<Prepared>> checked; // made in place: a job is large, and nearly every submit comes here
    if (bytes < large_payloads) checked.emplace(check());
    else checked.emplace(co_await pool_.run(std::move(check)));
    auto& prepared = *checked;
    if (!prepared) co_return co_await refuse(who.organization, std::move(submission.idempotency), prepared.error());
    prepared->effects = std::move(submission.effects);
    const bool reserved = begins_at_once(*prepared) &&
                          dispatcher_.reserve(*dispatcher_.table().queue(who.organization, prepared->job.queue),
                                              prepared->job.kind, prepared->job.resource);
    if (reserved) prepared->begin_with = new_lease_token();
    auto task = [prepared = std::move(*prepared), idempotency = std::move(submission.idempotency),
                 now](OrganizationSession& tenant) -> Result<Accepted> {
        auto earlier = earlier_answer(tenant, idempotency);
        if (!earlier) return earlier.error();
        if (*earlier) return replayed(std::move(**earlier));
        const auto stored = store_job(tenant, prepared, now);
        if (!stored) return stored.error();
        auto answer = accepted(*stored);
        remember_answer(tenant, idempotency, answer.body, 202, now);
        crash_point("submit.before_commit");
        return answer;
    };
    auto done = co_await database_.write(who.organization, std::move(task));
    if (reserved && (!done || done->replayed)) dispatcher_.unreserve();
    co_return done;
}

awaitable<Result<Accepted>> JobService::refuse(OrganizationId organization, std::optional<IdempotentRequest> request,
                                               Error why) {
    if (!request) co_return why;
    auto task = [request = std::move(request)](
                    OrganizationSession& tenant) -> Result<std::optional<job_repository::StoredAnswer>> {
        return earlier_answer(tenant, request);
    };
    auto earlier = co_await database_.read(organization, std::move(task));
    if (!earlier) co_return earlier.error();
    if (!*earlier) co_return why;
    co_return replayed(std::move(**earlier));
}

awaitable<Result<BatchAccepted>> JobService::submit_batch(values::Principal who,
                                                          std::vector<Result<values::NewJob>> jobs,
                                                          std::optional<IdempotentRequest> idempotency,
                                                          RenderBatch render) {
    const Timestamp now = clock_.now();
    std::size_t bytes = 0;
    for (const auto& job : jobs) bytes += job ? job->payload.size() : 0;
    auto check = [this, &who, &jobs, now]() -> Result<std::vector<Result<Prepared>>> {
        std::vector<Result<Prepared>> prepared;
        prepared.reserve(jobs.size());
        Admitted beside;
        for (auto& job : jobs) {
            if (job) prepared.push_back(prepare(who, std::move(*job), now, beside));
            else prepared.emplace_back(job.error());
        }
        return prepared;
    };
    auto prepared = co_await check_payloads(pool_, bytes, std::move(check));
    if (!prepared) co_return prepared.error();
    auto task = [prepared = std::move(*prepared), idempotency = std::move(idempotency), render = std::move(render),
                 now](OrganizationSession& tenant) -> Result<BatchAccepted> {
        BatchAccepted done;
        auto earlier = earlier_answer(tenant, idempotency);
        if (!earlier) return earlier.error();
        if (*earlier) {
            done.replayed = std::move((*earlier)->body);
            return done;
        }
        crash_point("batch.before_insert");
        done.items.reserve(prepared.size());
        bool any = false;
        for (auto& each : prepared) {
            if (!each) {
                done.items.emplace_back(each.error());
                continue;
            }
            const auto stored = store_job(tenant, *each, now);
            any |= stored.has_value();
            if (stored) done.items.emplace_back(accepted(*stored));
            else done.items.emplace_back(stored.error());
        }
        // Nothing taken, nothing to repeat: what was refused for a passing reason may be sent again under its key.
        if (idempotency && any) remember_answer(tenant, idempotency, render(done), 200, now);
        return done;
    };
    co_return co_await database_.write(who.organization, std::move(task));
}

} // namespace millrace::jobs
