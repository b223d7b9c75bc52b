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

using store::Session;
using store::TenantSession;

// Queue names are checked to be plain words, so nothing here needs escaping.
Accepted accepted(const Stored& stored) {
    const auto& job = stored.job;
    return {job.id, false, stored.duplicate,
            fmt::format(R"({{"id":"{}","state":"{}","queue":"{}"{}}})", job.id.text(), values::name(job.state),
                        job.queue, stored.duplicate ? R"(,"duplicate":true)" : "")};
}

Accepted replayed(job_repository::StoredAnswer answer) {
    const auto id = JobId::parse(parse_json(answer.body).value().at("id").as_string());
    return {*id, true, false, std::move(answer.body)};
}

std::optional<Timestamp> earlier(std::optional<Timestamp> a, std::optional<Timestamp> b) {
    if (a && b) return std::min(*a, *b);
    return a ? a : b;
}

Arrival arrival_of(Weights weights, const values::Job& job) {
    return {job.id,       job.organization, job.created_by, weights.organization,
            weights.key,  job.queue,        job.kind,       job.resource,
            job.priority, job.state,        job.run_at,     earlier(job.expires_at, job.deadline_at),
            true};
}

bool begins_at_once(const Prepared& prepared) {
    return prepared.job.state == values::JobState::queued && !prepared.unique && prepared.depends_on.empty();
}

} // namespace

// One job into the store, and from the writer's thread on to the dispatcher: a group of submits wakes it once.
class JobService::SubmitTask {
public:
    SubmitTask(JobService& service, Weights weights, Prepared prepared, std::optional<IdempotentRequest> idempotency,
               Timestamp now)
        : service_{&service},
          weights_{weights},
          prepared_{std::move(prepared)},
          idempotency_{std::move(idempotency)},
          now_{now} {}

    Result<Accepted> operator()(Session& session) {
        TenantSession tenant{session, prepared_.job.organization};
        auto earlier = earlier_answer(tenant, idempotency_);
        if (!earlier) return earlier.error();
        if (*earlier) return replayed(std::move(**earlier));
        auto stored = store_job(tenant, prepared_, now_);
        if (!stored) return stored.error();
        auto answer = accepted(*stored);
        remember_answer(tenant, idempotency_, answer.body, 202, now_);
        crash_point("submit.before_commit");
        stored_ = std::move(*stored);
        return answer;
    }

    void committed() {
        if (stored_) service_->arrived(weights_, *stored_);
    }

private:
    JobService* service_;
    Weights weights_;
    Prepared prepared_;
    std::optional<IdempotentRequest> idempotency_;
    Timestamp now_;
    std::optional<Stored> stored_;
};

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
    job.created_by = who.key;
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

void JobService::arrived(Weights weights, const Stored& stored) {
    if (stored.duplicate) return;
    if (stored.lease) return dispatcher_.begin_at_once(*stored.lease, arrival_of(weights, stored.job));
    if (values::is_final(stored.job.state)) dispatcher_.ended_elsewhere(dead_on_arrival(stored.job));
    else dispatcher_.enqueue(arrival_of(weights, stored.job));
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
    auto done = co_await database_.write(
        SubmitTask{*this, weights(who), std::move(*prepared), std::move(submission.idempotency), now});
    if (reserved && (!done || done->replayed)) dispatcher_.unreserve();
    co_return done;
}

awaitable<Result<Accepted>> JobService::refuse(OrganizationId organization, std::optional<IdempotentRequest> request,
                                               Error why) {
    if (!request) co_return why;
    auto task = [organization, request = std::move(request)](
                    Session& session) -> Result<std::optional<job_repository::StoredAnswer>> {
        TenantSession tenant{session, organization};
        return earlier_answer(tenant, request);
    };
    auto earlier = co_await database_.read(std::move(task));
    if (!earlier) co_return earlier.error();
    if (!*earlier) co_return why;
    co_return replayed(std::move(**earlier));
}

awaitable<Result<BatchAccepted>> JobService::submit_batch(values::Principal who,
                                                          std::vector<Result<values::NewJob>> jobs,
                                                          std::optional<IdempotentRequest> idempotency,
                                                          RenderBatch render) {
    struct Done {
        BatchAccepted answer;
        std::vector<Stored> stored;
    };
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
    Result<std::vector<Result<Prepared>>> prepared{std::vector<Result<Prepared>>{}};
    if (bytes < large_payloads) prepared = check();
    else prepared = co_await pool_.run(std::move(check));
    if (!prepared) co_return prepared.error();
    auto task = [prepared = std::move(*prepared), idempotency = std::move(idempotency), render = std::move(render),
                 organization = who.organization, now](Session& session) mutable -> Result<Done> {
        TenantSession tenant{session, organization};
        Done done;
        auto earlier = earlier_answer(tenant, idempotency);
        if (!earlier) return earlier.error();
        if (*earlier) {
            done.answer.replayed = std::move((*earlier)->body);
            return done;
        }
        crash_point("batch.before_insert");
        done.answer.items.reserve(prepared.size());
        done.stored.reserve(prepared.size());
        for (auto& each : prepared) {
            if (!each) {
                done.answer.items.emplace_back(each.error());
                continue;
            }
            auto stored = store_job(tenant, *each, now);
            if (!stored) {
                done.answer.items.emplace_back(stored.error());
                continue;
            }
            done.answer.items.emplace_back(accepted(*stored));
            done.stored.push_back(std::move(*stored));
        }
        // Nothing taken, nothing to repeat: what was refused for a passing reason may be sent again under its key.
        if (idempotency && !done.stored.empty()) remember_answer(tenant, idempotency, render(done.answer), 200, now);
        return done;
    };
    auto done = co_await database_.write(std::move(task));
    if (!done) co_return done.error();
    std::vector<Arrival> arrivals;
    arrivals.reserve(done->stored.size());
    for (const auto& stored : done->stored) {
        if (stored.duplicate || values::is_final(stored.job.state)) arrived(weights(who), stored);
        else arrivals.push_back(arrival_of(weights(who), stored.job));
    }
    dispatcher_.enqueue(std::move(arrivals));
    co_return std::move(done->answer);
}

} // namespace millrace::jobs
