#include "api/schedules/schedule_routes.hpp"

#include "api/idempotency.hpp"
#include "api/input.hpp"
#include "api/routing.hpp"
#include "api/schedules/schedule_json.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

struct ScheduleRoutes {
    jobs::Schedules& schedules;

    awaitable<Response> create(Request& request) const {
        const auto document = co_await read_json(request, schedule_texts);
        if (!document) co_return http::problem(document.error(), request.id);
        auto wanted = read_new_schedule(*document);
        if (!wanted) co_return http::problem(wanted.error(), request.id);
        auto key = idempotency(request, request.body);
        if (!key) co_return http::problem(key.error(), request.id);
        const auto made =
            co_await schedules.create(request.principal, std::move(*wanted), std::move(*key), write_schedule);
        if (!made) co_return http::problem(made.error(), request.id);
        auto response = http::json_text(201, made->body);
        response.set("Location", "/api/v1/schedules/" + made->id);
        co_return response;
    }

    awaitable<Response> list(Request& request) const {
        jobs::schedule_repository::Filter filter;
        const auto limit = page_limit(request.query);
        if (!limit) co_return http::problem(limit.error(), request.id);
        filter.limit = *limit;
        for (const auto& [name, value] : request.query) {
            if (name == "name") {
                filter.name = value;
            } else if (name == "cursor") {
                filter.before = ScheduleId::parse(value);
                if (!filter.before)
                    co_return http::problem({Code::invalid_argument, "cursor is not one that a page before has given"},
                                            request.id);
            } else if (name != "limit") {
                co_return http::problem({Code::unprocessable, fmt::format("there is no filter \"{}\"", name)},
                                        request.id);
            }
        }
        const auto found = co_await schedules.list(request.principal.organization, filter);
        if (!found) co_return http::problem(found.error(), request.id);
        co_return http::json_text(200, write_schedules(*found));
    }

    awaitable<Response> get(Request& request) const {
        const auto id = path_id<ScheduleId>(request, "schedule");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto found = co_await schedules.find(request.principal.organization, *id);
        if (!found) co_return http::problem(found.error(), request.id);
        if (!*found)
            co_return http::problem({Code::not_found, fmt::format("there is no schedule {}", id->text())}, request.id);
        co_return http::json_text(200, write_schedule(**found));
    }

    awaitable<Response> update(Request& request) const {
        const auto id = path_id<ScheduleId>(request, "schedule");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto document = co_await read_json(request, schedule_texts);
        if (!document) co_return http::problem(document.error(), request.id);
        auto wanted = read_new_schedule(*document);
        if (!wanted) co_return http::problem(wanted.error(), request.id);
        const auto changed = co_await schedules.update(request.principal, *id, std::move(*wanted));
        if (!changed) co_return http::problem(changed.error(), request.id);
        co_return http::json_text(200, write_schedule(*changed));
    }

    awaitable<Response> remove(Request& request) const {
        const auto id = path_id<ScheduleId>(request, "schedule");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto removed = co_await schedules.remove(request.principal, *id);
        if (!removed) co_return http::problem(removed.error(), request.id);
        co_return http::empty(204);
    }

    using Action = awaitable<Result<jobs::Schedule>> (jobs::Schedules::*)(values::Principal, ScheduleId);
    awaitable<Response> act(Request& request, Action action) const {
        const auto id = path_id<ScheduleId>(request, "schedule");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto changed = co_await (schedules.*action)(request.principal, *id);
        if (!changed) co_return http::problem(changed.error(), request.id);
        co_return http::json_text(200, write_schedule(*changed));
    }

    awaitable<Response> run(Request& request) const {
        const auto id = path_id<ScheduleId>(request, "schedule");
        if (!id) co_return http::problem(id.error(), request.id);
        auto key = idempotency(request, request.path);
        if (!key) co_return http::problem(key.error(), request.id);
        const auto job = co_await schedules.run(request.principal, *id, std::move(*key));
        if (!job) co_return http::problem(job.error(), request.id);
        auto response = http::json_text(202, job->body);
        response.set("Location", "/api/v1/jobs/" + job->id);
        co_return response;
    }
};

} // namespace

void add_schedule_routes(http::Router& router, jobs::Schedules& schedules) {
    const auto routes = std::make_shared<const ScheduleRoutes>(ScheduleRoutes{schedules}); // shared by its handlers
    router.add({Verb::get,
                "/api/v1/schedules",
                [routes](Request& r) { return routes->list(r); },
                {},
                Permission::schedules_read});
    router.add({Verb::post, "/api/v1/schedules", [routes](Request& r) { return routes->create(r); },
                BodyPolicy::buffered(max_json_bytes), Permission::schedules_manage});
    router.add({Verb::get,
                "/api/v1/schedules/{id}",
                [routes](Request& r) { return routes->get(r); },
                {},
                Permission::schedules_read});
    router.add({Verb::put, "/api/v1/schedules/{id}", [routes](Request& r) { return routes->update(r); },
                BodyPolicy::buffered(max_json_bytes), Permission::schedules_manage});
    router.add({Verb::delete_,
                "/api/v1/schedules/{id}",
                [routes](Request& r) { return routes->remove(r); },
                {},
                Permission::schedules_manage});
    router.add({Verb::post,
                "/api/v1/schedules/{id}/pause",
                [routes](Request& r) { return routes->act(r, &jobs::Schedules::pause); },
                {},
                Permission::schedules_manage});
    router.add({Verb::post,
                "/api/v1/schedules/{id}/resume",
                [routes](Request& r) { return routes->act(r, &jobs::Schedules::resume); },
                {},
                Permission::schedules_manage});
    router.add({Verb::post,
                "/api/v1/schedules/{id}/run",
                [routes](Request& r) { return routes->run(r); },
                {},
                Permission::schedules_manage});
}

} // namespace millrace::api
