#include "api/flows/flow_routes.hpp"

#include "api/flows/flow_json.hpp"
#include "api/idempotency.hpp"
#include "api/input.hpp"
#include "api/large_json.hpp"
#include "api/routing.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

constexpr std::size_t max_flow_bytes = 16 << 20;

Result<std::optional<FlowId>> cursor(const http::Query& query) {
    for (const auto& [name, value] : query)
        if (name != "limit" && name != "cursor")
            return Error{Code::unprocessable, fmt::format("there is no filter \"{}\"", name)};
    const auto text = query.find("cursor");
    if (!text) return std::optional<FlowId>{};
    const auto id = FlowId::parse(*text);
    if (!id) return Error{Code::invalid_argument, "cursor is not one that a page before has given"};
    return id;
}

struct FlowRoutes {
    jobs::Flows& flows;
    async::ThreadPool& pool;

    awaitable<Response> submit(Request& request) const {
        if (!http::equal_ignoring_case(media_type(request.header("Content-Type")), "application/json"))
            co_return http::problem({Code::unsupported_type, "send the flow as application/json"}, request.id);
        auto read = co_await read_body(*request.body_reader, max_flow_bytes);
        if (!read) co_return http::problem(read.error(), request.id);
        const auto body =
            std::make_shared<const std::string>(std::move(*read)); // shared with the thread that parses it
        auto document = co_await parse_large(pool, body, flow_texts);
        if (!document) co_return http::problem(document.error(), request.id);
        auto flow = take_flow(*document);
        if (!flow) co_return http::problem(flow.error(), request.id);
        auto key = co_await idempotency(pool, request, body);
        if (!key) co_return http::problem(key.error(), request.id);
        const auto made = co_await flows.submit(request.principal, std::move(*flow), std::move(*key));
        if (!made) co_return http::problem(made.error(), request.id);
        auto response = http::json(202, write_flow(*made));
        response.set("Location", "/api/v1/flows/" + made->flow.id.text());
        co_return response;
    }

    awaitable<Response> list(Request& request) const {
        const auto limit = page_limit(request.query);
        if (!limit) co_return http::problem(limit.error(), request.id);
        const auto before = cursor(request.query);
        if (!before) co_return http::problem(before.error(), request.id);
        const auto found = co_await flows.list(request.principal.organization, *before, *limit);
        if (!found) co_return http::problem(found.error(), request.id);
        json::array data;
        for (const auto& flow : *found) data.push_back(write_flow(flow));
        json::object meta{{"next_cursor", nullptr}};
        if (static_cast<int>(found->size()) == *limit) meta["next_cursor"] = found->back().id.text();
        co_return http::json(200, json::object{{"data", std::move(data)}, {"meta", std::move(meta)}});
    }

    awaitable<Response> show(Request& request, FlowId id) const {
        const auto graph = co_await flows.find(request.principal.organization, id);
        if (!graph) co_return http::problem(graph.error(), request.id);
        if (!*graph)
            co_return http::problem({Code::not_found, fmt::format("there is no flow {}", id.text())}, request.id);
        co_return http::json(200, write_flow(**graph));
    }

    awaitable<Response> get(Request& request) const {
        const auto id = path_id<FlowId>(request, "flow");
        if (!id) co_return http::problem(id.error(), request.id);
        co_return co_await show(request, *id);
    }

    awaitable<Response> cancel(Request& request) const {
        const auto id = path_id<FlowId>(request, "flow");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto done = co_await flows.cancel(request.principal, *id);
        if (!done) co_return http::problem(done.error(), request.id);
        co_return co_await show(request, *id);
    }
};

} // namespace

void add_flow_routes(http::Router& router, jobs::Flows& flows, async::ThreadPool& pool) {
    const auto routes = std::make_shared<const FlowRoutes>(FlowRoutes{flows, pool}); // shared by its handlers
    router.add({Verb::post, "/api/v1/flows", [routes](Request& r) { return routes->submit(r); },
                BodyPolicy::streamed(max_flow_bytes), Permission::flows_submit});
    router.add(
        {Verb::get, "/api/v1/flows", [routes](Request& r) { return routes->list(r); }, {}, Permission::flows_read});
    router.add(
        {Verb::get, "/api/v1/flows/{id}", [routes](Request& r) { return routes->get(r); }, {}, Permission::flows_read});
    router.add({Verb::post,
                "/api/v1/flows/{id}/cancel",
                [routes](Request& r) { return routes->cancel(r); },
                {},
                Permission::flows_submit});
}

} // namespace millrace::api
