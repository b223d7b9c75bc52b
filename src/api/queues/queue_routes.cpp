#include "api/queues/queue_routes.hpp"

#include "api/input.hpp"
#include "api/page_text.hpp"
#include "api/queues/queue_json.hpp"
#include "api/routing.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

constexpr std::size_t max_settings_bytes = 64 << 10;

struct QueueRoutes {
    jobs::Queues& queues;
    jobs::Dispatcher& dispatcher;

    awaitable<Response> list(Request& request) const {
        const auto found = co_await queues.list(request.principal.organization);
        PageText page{request.query, PageText::Order::rising};
        for (const auto& queue : found)
            if (page.wants(queue.name)) page.add(queue.name, write_queue(queue));
        co_return http::json_text(200, page.text());
    }

    awaitable<Response> show(Request& request, std::string name) const {
        const auto queue = co_await queues.find(request.principal.organization, name);
        if (!queue)
            co_return http::problem(
                {Code::not_found, fmt::format("queue \"{}\" has no settings and has had no jobs", name)}, request.id);
        co_return http::json(200, write_queue(*queue));
    }

    awaitable<Response> get(Request& request) const {
        std::string name{request.parameter("q")};
        co_return co_await show(request, std::move(name));
    }

    // The name of a queue that may not exist yet.
    static Result<std::string> new_name(const Request& request) {
        const auto name = request.parameter("q");
        if (values::is_queue_name(name)) return std::string{name};
        return Error{Code::unprocessable, "the name of a queue is a word of a-z, 0-9, _ and -, 63 bytes at most"};
    }

    awaitable<Response> set(Request& request) const {
        auto name = new_name(request);
        if (!name) co_return http::problem(name.error(), request.id);
        const auto document = co_await read_json(request);
        if (!document) co_return http::problem(document.error(), request.id);
        auto settings = values::QueueSettings::from_json(*document);
        if (!settings) co_return http::problem(settings.error(), request.id);
        const auto done = co_await queues.set(request.principal, *name, std::move(*settings));
        if (!done) co_return http::problem(done.error(), request.id);
        co_return co_await show(request, std::move(*name));
    }

    awaitable<Response> pause(Request& request) const {
        auto name = new_name(request);
        if (!name) co_return http::problem(name.error(), request.id);
        const auto body = co_await read_optional_object(request);
        if (!body) co_return http::problem(body.error(), request.id);
        auto wanted = read_pause(*body);
        if (!wanted) co_return http::problem(wanted.error(), request.id);
        const auto done = co_await queues.pause(request.principal, *name, std::move(wanted->reason), wanted->until);
        if (!done) co_return http::problem(done.error(), request.id);
        co_return co_await show(request, std::move(*name));
    }

    awaitable<Response> resume(Request& request) const {
        auto name = new_name(request);
        if (!name) co_return http::problem(name.error(), request.id);
        const auto done = co_await queues.resume(request.principal, *name);
        if (!done) co_return http::problem(done.error(), request.id);
        co_return co_await show(request, std::move(*name));
    }

    awaitable<Response> breakers(Request& request) const {
        const auto snapshot = co_await dispatcher.snapshot();
        const auto organization = request.principal.organization;
        PageText page{request.query, PageText::Order::rising};
        for (const auto& queue : snapshot.queues) {
            const auto place = "queue " + queue.name;
            if (queue.organization != organization || !page.wants(place)) continue;
            auto breaker = write_breaker(queue.breaker);
            breaker["of"] = "queue";
            breaker["name"] = queue.name;
            page.add(place, breaker);
        }
        for (const auto& resource : snapshot.resources) {
            const auto place = "resource " + resource.kind + "/" + resource.name;
            if (resource.organization != organization || !page.wants(place)) continue;
            auto breaker = write_breaker(resource.breaker);
            breaker["of"] = "resource";
            breaker["kind"] = resource.kind;
            breaker["name"] = resource.name;
            page.add(place, breaker);
        }
        co_return http::json_text(200, page.text());
    }
};

} // namespace

void add_queue_routes(http::Router& router, jobs::Queues& queues, jobs::Dispatcher& dispatcher) {
    const auto routes = std::make_shared<const QueueRoutes>(QueueRoutes{queues, dispatcher}); // shared by its handlers
    const auto body = BodyPolicy::buffered(max_settings_bytes);
    router.add(
        {Verb::get, "/api/v1/queues", [routes](Request& r) { return routes->list(r); }, {}, Permission::queues_read});
    router.add({Verb::get,
                "/api/v1/queues/{q}",
                [routes](Request& r) { return routes->get(r); },
                {},
                Permission::queues_read});
    router.add({Verb::put, "/api/v1/queues/{q}", [routes](Request& r) { return routes->set(r); }, body,
                Permission::queues_manage});
    router.add({Verb::post, "/api/v1/queues/{q}/pause", [routes](Request& r) { return routes->pause(r); }, body,
                Permission::queues_manage});
    router.add({Verb::post,
                "/api/v1/queues/{q}/resume",
                [routes](Request& r) { return routes->resume(r); },
                {},
                Permission::queues_manage});
    router.add({Verb::get,
                "/api/v1/breakers",
                [routes](Request& r) { return routes->breakers(r); },
                {},
                Permission::queues_read});
}

} // namespace millrace::api
