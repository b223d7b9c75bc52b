#include "api/jobs/result_routes.hpp"

#include "api/etag.hpp"
#include "api/input.hpp"
#include "api/jobs/job_json.hpp"
#include "api/routing.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

constexpr std::chrono::hours kept_for{24};

Response answer(const Request& request, std::string body) {
    const auto tag = fmt::format("\"{:016x}\"", std::hash<std::string>{}(body));
    auto response =
        etag_matches(request.header("If-None-Match"), tag) ? http::empty(304) : http::json_text(200, std::move(body));
    response.set("ETag", tag).set("Cache-Control", "private, no-cache");
    return response;
}

struct ResultRoutes {
    jobs::JobService& jobs;
    cache::Cache& cache;

    awaitable<Response> get(Request& request) const {
        const auto id = path_id<JobId>(request, "job");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto organization = request.principal.organization;
        const auto key = fmt::format("result:{}:{}", organization.text(), id->text());
        if (auto kept = cache.get(key)) co_return answer(request, std::move(*kept));

        auto job = co_await jobs.find(organization, *id);
        if (!job) co_return http::problem(job.error(), request.id);
        if (!*job) co_return http::problem(millrace::jobs::no_such_job(*id), request.id);
        jobs::JobOutlook outlook;
        if (!values::is_final((*job)->state)) outlook = co_await jobs.outlook(**job);
        auto body = write_result(**job, outlook);
        if ((*job)->state == values::JobState::succeeded) cache.put(key, body, kept_for);
        co_return answer(request, std::move(body));
    }
};

} // namespace

void add_result_routes(http::Router& router, jobs::JobService& jobs, cache::Cache& cache) {
    const auto routes = std::make_shared<const ResultRoutes>(ResultRoutes{jobs, cache}); // shared by its handlers
    for (const auto* path : {"/api/v1/results/{id}", "/api/results/{id}"})
        router.add({Verb::get, path, [routes](Request& r) { return routes->get(r); }, {}, Permission::jobs_read});
}

} // namespace millrace::api
