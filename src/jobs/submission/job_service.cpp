#include "jobs/job_service.hpp"

#include "base/crash_point.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/job_blobs.hpp"
#include "jobs/records/read_page.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace millrace::jobs {
namespace {

using store::Session;
using store::TenantSession;

Error no_such_job(JobId id) { return {Code::not_found, fmt::format("there is no job {}", id.text())}; }

struct Read {
    std::string resource;
    std::vector<std::string> blobs;
};

// Whether `processor`, if there is one here, takes the payload; the resource that it needs, and the blobs that it names.
Result<Read> read_payload(const Processor* processor, OrganizationId organization, std::string_view payload) {
    const bool is_read = processor && processor->reads_payload(), names_blobs = job_blobs::may_name(payload);
    if (!is_read && !names_blobs) return Read{};
    const auto value = parse_json(payload);
    if (!value) return value.error();
    Read read;
    if (is_read) {
        if (auto checked = processor->check(organization, *value); !checked) return checked.error();
        read.resource = processor->resource(*value);
    }
    if (!names_blobs) return read;
    auto blobs = job_blobs::named(*value);
    if (!blobs) return blobs.error();
    read.blobs = std::move(*blobs);
    return read;
}

// Queue names are checked to be plain words, so nothing here needs escaping.
Accepted accepted(const Stored& stored) {
    const auto& job = stored.job;
    return {job.id, false, stored.duplicate, fmt::format(R"({{"id":"{}","state":"{}","queue":"{}"{}}})", job.id.text(), values::name(job.state), job.queue,
                                                         stored.duplicate ? R"(,"duplicate":true)" : "")};
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
    return {job.id, job.organization, job.created_by, weights.organization, weights.key, job.queue, job.kind, job.resource,
            job.priority, job.state, job.run_at, earlier(job.expires_at, job.deadline_at), true};
}

bool begins_at_once(const Prepared& prepared) {
    return prepared.job.state == values::JobState::queued && !prepared.unique && prepared.depends_on.empty();
}

} // namespace

// One job into the store, and from the writer's thread on to the dispatcher: a group of submits wakes it once.
class JobService::SubmitTask {
public:
    SubmitTask(JobService& service, Weights weights, Prepared prepared, std::optional<IdempotentRequest> idempotency, Timestamp now)
        : service_{&service}, weights_{weights}, prepared_{std::move(prepared)}, idempotency_{std::move(idempotency)}, now_{now} {}

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
    : database_{database}, dispatcher_{dispatcher}, clock_{clock}, pool_{pool} {}

Result<Prepared> JobService::prepare(const values::Principal& who, values::NewJob asked, Timestamp now, JobId id, const Admitted& beside) const {
    const auto queue = dispatcher_.table().find_queue(who.organization, asked.queue); // a refused job makes none
    const auto rules = queue ? queue->rules() : std::make_shared<const QueueRules>();
    const auto& settings = rules->settings;
    const auto* processor = settings.external ? nullptr : dispatcher_.processor(asked.kind);
    if (!settings.external && !processor)
        return Error{Code::unprocessable, fmt::format("nothing here runs jobs of kind \"{}\"; for workers of your own, set queue \"{}\" to "
                                                      "external first", asked.kind, asked.queue)};
    auto read = read_payload(processor, who.organization, asked.payload);
    if (!read) return read.error();
    if (auto admitted = dispatcher_.admits(who.organization, asked.queue, asked.kind, read->resource, beside); !admitted) return admitted.error();
    if (beside.blobs + read->blobs.size() > job_blobs::most_of_document)
        return Error{Code::unprocessable, fmt::format("the jobs of one request may name {} blobs all together; send them in several requests",
                                                      job_blobs::most_of_document)};
    if (asked.expires_at && *asked.expires_at <= now) return Error{Code::unprocessable, "\"expires_at\" is in the past"};
    if (asked.deadline_at && *asked.deadline_at <= now) return Error{Code::unprocessable, "\"deadline_at\" is in the past"};
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
    job.timeout_seconds = asked.timeout_seconds.value_or(settings.timeout_seconds.value_or(values::default_timeout_seconds));
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

Result<Prepared> JobService::prepare(const values::Principal& who, values::NewJob asked, Timestamp now, Admitted& beside) const {
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
    const bool reserved = begins_at_once(*prepared) && dispatcher_.reserve(*dispatcher_.table().queue(who.organization, prepared->job.queue),
                                                                           prepared->job.kind, prepared->job.resource);
    if (reserved) prepared->begin_with = new_lease_token();
    auto done = co_await database_.write(SubmitTask{*this, weights(who), std::move(*prepared), std::move(submission.idempotency), now});
    if (reserved && (!done || done->replayed)) dispatcher_.unreserve();
    co_return done;
}

awaitable<Result<Accepted>> JobService::refuse(OrganizationId organization, std::optional<IdempotentRequest> request, Error why) {
    if (!request) co_return why;
    auto task = [organization, request = std::move(request)](Session& session) -> Result<std::optional<job_repository::StoredAnswer>> {
        TenantSession tenant{session, organization};
        return earlier_answer(tenant, request);
    };
    auto earlier = co_await database_.read(std::move(task));
    if (!earlier) co_return earlier.error();
    if (!*earlier) co_return why;
    co_return replayed(std::move(**earlier));
}

awaitable<Result<BatchAccepted>> JobService::submit_batch(values::Principal who, std::vector<Result<values::NewJob>> jobs,
                                                          std::optional<IdempotentRequest> idempotency, RenderBatch render) {
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
    auto task = [prepared = std::move(*prepared), idempotency = std::move(idempotency), render = std::move(render), organization = who.organization,
                 now](Session& session) mutable -> Result<Done> {
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

awaitable<Result<std::optional<values::Job>>> JobService::find(OrganizationId organization, JobId id) {
    auto task = [organization, id](Session& session) -> Result<std::optional<values::Job>> {
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
        return std::optional{JobDetail{std::move(*job), job_repository::attempts(tenant, id), job_repository::dependencies(tenant, id)}};
    };
    auto found = co_await database_.read(std::move(task));
    if (found && *found) co_await dispatcher_.add_progress(std::span{&(*found)->job, 1});
    co_return found;
}

awaitable<Result<job_repository::JobPage>> JobService::list(OrganizationId organization, job_repository::Filter filter) {
    auto look = [now = clock_.now()](TenantSession& tenant, const job_repository::Filter& from) { return job_repository::list(tenant, from, now); };
    auto page = co_await read_page(database_, organization, std::move(filter), look);
    if (page) co_await dispatcher_.add_progress(std::span{page->items});
    co_return page;
}

awaitable<Result<void>> JobService::cancel(values::Principal who, JobId id) {
    auto task = [who, id, now = clock_.now()](Session& session) -> Result<Settled> {
        TenantSession tenant{session, who.organization};
        const auto job = job_repository::find(tenant, id);
        if (!job) return no_such_job(id);
        if (values::is_final(job->state)) return Error{Code::conflict, fmt::format("the job has already ended: it is {}", values::name(job->state))};
        crash_point("cancel.before_write");
        Settled settled;
        const values::JobError why{"cancelled", fmt::format("cancelled by {}", who.name)};
        end_job(session, who.organization, id, values::JobState::cancelled, why, now, settled);
        count_totals(session, settled);
        return settled;
    };
    auto done = co_await database_.write(std::move(task));
    if (!done) co_return done.error();
    crash_point("cancel.before_answer");
    dispatcher_.ended_elsewhere(std::move(*done));
    co_return success();
}

awaitable<Result<void>> JobService::retry(values::Principal who, JobId id, std::optional<std::string> payload) {
    auto found = co_await find(who.organization, id);
    if (!found) co_return found.error();
    if (!*found) co_return no_such_job(id);
    const auto& before = **found;
    if (payload)
        if (const auto read = read_payload(dispatcher_.processor(before.kind), who.organization, *payload); !read) co_return read.error();
    if (values::is_final(before.state) && before.state != values::JobState::succeeded)
        if (auto admitted = dispatcher_.admits_again(who.organization, before.queue, before.kind); !admitted) co_return admitted.error();
    auto task = [who, id, payload = std::move(payload), now = clock_.now()](Session& session) -> Result<Settled> {
        TenantSession tenant{session, who.organization};
        const auto job = job_repository::find(tenant, id);
        if (!job) return no_such_job(id);
        auto moved = replay_job(tenant, id, now, payload, now);
        if (!moved && moved.error().held_by)
            return Error{Code::conflict, fmt::format("job {} has the unique key \"{}\" and has not ended; wait for it or cancel it, then retry this one",
                                                     moved.error().held_by->text(), job->unique_key)};
        if (!moved && moved.error().failed_parent)
            return Error{Code::conflict, fmt::format("job {}, which it depends on, ended without success; retry that one first", moved.error().failed_parent->text())};
        if (!moved)
            return Error{Code::conflict, fmt::format("only a dead, cancelled or expired job can be retried; this one is {}", values::name(job->state))};
        return Settled{{std::move(*moved)}};
    };
    auto done = co_await database_.write(std::move(task));
    if (!done) co_return done.error();
    crash_point("replay.before_arrival");
    dispatcher_.ended_elsewhere(std::move(*done));
    co_return success();
}

} // namespace millrace::jobs
