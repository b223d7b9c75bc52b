#include "api/jobs/job_routes.hpp"

#include "api/idempotency.hpp"
#include "api/input.hpp"
#include "api/jobs/batch.hpp"
#include "api/jobs/job_filter.hpp"
#include "api/jobs/job_input.hpp"
#include "api/jobs/job_json.hpp"
#include "api/jobs/submit_body.hpp"
#include "api/large_json.hpp"
#include "api/prefer.hpp"
#include "api/routing.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

namespace millrace::api {
namespace {

// A duplicate is no new job: 200 with the earlier one.
Response accepted(const jobs::Accepted& job) {
    auto response = http::json_text(job.duplicate ? 200 : 202, job.body);
    response.set("Location", "/api/v1/jobs/" + job.id.text());
    return response;
}

// The "payload" of a retry, as JSON text; nullopt when it has none.
Result<std::optional<std::string>> new_payload(const json::object& body) {
    if (const auto known = only_fields(body, {"payload"}); !known) return known.error();
    return text_field(body, "payload");
}

struct JobRoutes {
    jobs::JobService& jobs;
    blobs::BlobStore& blobs;
    const Clock& clock;
    std::uint64_t max_upload_bytes;
    async::ThreadPool& pool;

    awaitable<Result<jobs::Submission>> read_submission(Request& request) const {
        auto body = co_await read_submit(request, blobs, clock.now(), max_upload_bytes);
        if (!body) co_return body.error();
        auto job = read_new_job(body->document);
        if (!job) co_return job.error();
        auto key = idempotency(request, body->fingerprint);
        if (!key) co_return key.error();
        jobs::Submission submission;
        submission.job = std::move(*job);
        submission.idempotency = std::move(*key);
        submission.effects = std::move(body->effects);
        co_return submission;
    }

    awaitable<Response> submit(Request& request) const {
        auto submission = co_await read_submission(request);
        if (!submission) co_return http::problem(submission.error(), request.id);
        if (const auto wait = preferred_wait(request.header("Prefer")))
            co_return co_await submit_and_wait(request, std::move(*submission), *wait);
        const auto job = co_await jobs.submit(request.principal, std::move(*submission));
        co_return job ? accepted(*job) : http::problem(job.error(), request.id);
    }

    awaitable<Response> submit_and_wait(Request& request, jobs::Submission submission, int seconds) const {
        const auto executor = co_await asio::this_coro::executor;
        const auto own = submission.id;
        std::optional<jobs::Waiters::Seat> seat;
        seat.emplace(jobs.waiters(), own, executor);
        const auto job = co_await jobs.submit(request.principal, std::move(submission));
        if (!job) co_return http::problem(job.error(), request.id);
        bool ended = false;
        if (job->id != own) { // an earlier one stands for it
            seat.emplace(jobs.waiters(), job->id, executor);
            const auto earlier = co_await jobs.find(request.principal.organization, job->id);
            ended = !earlier || !*earlier || values::is_final((*earlier)->state);
        }
        if (!ended) co_await seat->wait(std::chrono::seconds{seconds});
        const auto detail = co_await jobs.detail(request.principal.organization, job->id);
        const bool answers = detail && *detail && values::is_final((*detail)->job.state);
        auto response = answers ? http::json_text(200, written(**detail)) : accepted(*job);
        response.set("Preference-Applied", fmt::format("wait={}", seconds));
        co_return response;
    }

    awaitable<Response> submit_batch(Request& request) const {
        if (!http::equal_ignoring_case(media_type(request.header("Content-Type")), "application/json"))
            co_return http::problem({Code::unsupported_type, "send the jobs as application/json"}, request.id);
        auto read = co_await read_body(*request.body_reader, max_batch_bytes);
        if (!read) co_return http::problem(read.error(), request.id);
        const auto body =
            std::make_shared<const std::string>(std::move(*read)); // shared with the thread that parses it
        auto document = co_await parse_large(pool, body, batch_texts);
        if (!document) co_return http::problem(document.error(), request.id);
        auto wanted = read_batch(*document);
        if (!wanted) co_return http::problem(wanted.error(), request.id);
        auto key = co_await idempotency(pool, request, body);
        if (!key) co_return http::problem(key.error(), request.id);
        jobs::JobService::RenderBatch render = write_batch;
        auto done =
            co_await jobs.submit_batch(request.principal, std::move(*wanted), std::move(*key), std::move(render));
        if (!done) co_return http::problem(done.error(), request.id);
        if (done->replayed) co_return http::json_text(200, std::move(*done->replayed));
        co_return http::json_text(200, write_batch(*done));
    }

    awaitable<Response> list(Request& request) const {
        const auto filter = job_filter(request.query);
        if (!filter) co_return http::problem(filter.error(), request.id);
        const auto found = co_await jobs.list(request.principal.organization, *filter);
        if (!found) co_return http::problem(found.error(), request.id);
        co_return http::json_text(200, write_jobs(*found, clock.now()));
    }

    std::string written(const jobs::JobDetail& detail) const {
        return write_job(detail, jobs.retry_policy(detail.job), clock.now());
    }

    awaitable<Response> show(Request& request, JobId id) const {
        const auto detail = co_await jobs.detail(request.principal.organization, id);
        if (!detail) co_return http::problem(detail.error(), request.id);
        if (!*detail) co_return http::problem(millrace::jobs::no_such_job(id), request.id);
        co_return http::json_text(200, written(**detail));
    }

    awaitable<Response> get(Request& request) const {
        const auto id = path_id<JobId>(request, "job");
        if (!id) co_return http::problem(id.error(), request.id);
        co_return co_await show(request, *id);
    }

    awaitable<Response> why(Request& request) const {
        const auto id = path_id<JobId>(request, "job");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto found = co_await jobs.why(request.principal.organization, *id);
        if (!found) co_return http::problem(found.error(), request.id);
        if (!*found) co_return http::problem(millrace::jobs::no_such_job(*id), request.id);
        co_return http::json_text(200, write_why(**found, clock.now()));
    }

    awaitable<Response> cancel(Request& request) const {
        const auto id = path_id<JobId>(request, "job");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto done = co_await jobs.cancel(request.principal, *id);
        if (!done) co_return http::problem(done.error(), request.id);
        co_return co_await show(request, *id);
    }

    awaitable<Response> retry(Request& request) const {
        const auto id = path_id<JobId>(request, "job");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto body = co_await read_optional_object(request, submit_texts);
        if (!body) co_return http::problem(body.error(), request.id);
        auto payload = new_payload(*body);
        if (!payload) co_return http::problem(payload.error(), request.id);
        const auto done = co_await jobs.retry(request.principal, *id, std::move(*payload));
        if (!done) co_return http::problem(done.error(), request.id);
        co_return co_await show(request, *id);
    }
};

} // namespace

void add_job_routes(http::Router& router, jobs::JobService& jobs, blobs::BlobStore& blobs, const Clock& clock,
                    std::uint64_t max_upload_bytes, async::ThreadPool& pool) {
    const auto routes = std::make_shared<const JobRoutes>(
        JobRoutes{jobs, blobs, clock, max_upload_bytes, pool}); // shared by its handlers
    router.add({Verb::post, "/api/v1/jobs", [routes](Request& r) { return routes->submit(r); },
                BodyPolicy::streamed(max_upload_bytes), Permission::jobs_submit});
    router.add({Verb::post, "/api/v1/jobs/batch", [routes](Request& r) { return routes->submit_batch(r); },
                BodyPolicy::streamed(max_batch_bytes), Permission::jobs_submit});
    router.add(
        {Verb::get, "/api/v1/jobs", [routes](Request& r) { return routes->list(r); }, {}, Permission::jobs_read});
    router.add(
        {Verb::get, "/api/v1/jobs/{id}", [routes](Request& r) { return routes->get(r); }, {}, Permission::jobs_read});
    router.add({Verb::get,
                "/api/v1/jobs/{id}/why",
                [routes](Request& r) { return routes->why(r); },
                {},
                Permission::jobs_read});
    router.add({Verb::post,
                "/api/v1/jobs/{id}/cancel",
                [routes](Request& r) { return routes->cancel(r); },
                {},
                Permission::jobs_change});
    router.add({Verb::post, "/api/v1/jobs/{id}/retry", [routes](Request& r) { return routes->retry(r); },
                BodyPolicy::buffered(max_json_bytes), Permission::jobs_change});
}

} // namespace millrace::api
