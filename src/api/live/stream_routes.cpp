#include "api/live/stream_routes.hpp"

#include "api/live/change_text.hpp"
#include "api/live/event_stream.hpp"
#include "api/live/stream_query.hpp"
#include "api/routing.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

namespace millrace::api {
namespace {

using events::LiveFollower;
using events::LiveLog;

// A server-sent event of what no log has.
std::string text_of(const events::LiveEntry& entry) {
    return fmt::format("event: {}\ndata: {}\n\n", entry.type, entry.data);
}

Response stream_answer(std::shared_ptr<EventStream> stream) {
    Response response;
    response.set("Content-Type", "text/event-stream");
    response.set("X-Accel-Buffering", "no"); // a proxy that collects answers passes this one on as it comes
    response.body = http::StreamBody{
        [stream = std::move(stream)](http::StreamWriter& writer) -> awaitable<void> { return stream->run(writer); }};
    return response;
}

struct StreamRoutes {
    StreamParts parts;

    // Its last stored event is known before anybody follows: what comes later is in the log.
    awaitable<Result<std::shared_ptr<LiveLog>>> log_of(OrganizationId organization) const {
        auto log = parts.logs.log_of(organization);
        if (!log->knows_last_number()) {
            auto task = [](store::OrganizationSession& tenant) -> Result<std::int64_t> {
                return events::event_span(tenant).last;
            };
            const auto last = co_await parts.database.read(organization, std::move(task));
            if (!last) co_return last.error();
            log->set_last_number(*last);
        }
        co_return log;
    }

    // Follows first and reads then: what changes in between is in the log.
    awaitable<Result<void>> begin_with_job(Request& request, JobId id, EventStream& stream) const {
        const auto job = co_await parts.jobs.find(request.principal.organization, id);
        if (!job) co_return job.error();
        if (!*job) co_return jobs::no_such_job(id);
        FollowedJobs followed;
        followed.set(id, (*job)->state);
        stream.begin_with(text_of(present_entry(**job, parts.clock.now().text())), std::move(followed));
        co_return success();
    }

    awaitable<Result<jobs::FlowGraph>> find_flow(Request& request, FlowId id) const {
        auto graph = co_await parts.flows.find(request.principal.organization, id);
        if (!graph) co_return graph.error();
        if (!*graph) co_return Error{Code::not_found, fmt::format("there is no flow {}", id.text())};
        co_return std::move(**graph);
    }

    awaitable<Result<void>> begin_with_flow(Request& request, FlowId id, EventStream& stream) const {
        const auto graph = co_await find_flow(request, id);
        if (!graph) co_return graph.error();
        FollowedJobs followed;
        std::string text;
        for (const auto& node : graph->nodes) {
            followed.set(node.id, node.state);
            text += text_of(present_entry(node, parts.clock.now().text()));
        }
        stream.begin_with(std::move(text), std::move(followed));
        co_return success();
    }

    awaitable<Response> open(Request& request) const {
        auto wanted = read_stream_query(request.query, request.principal);
        if (!wanted) co_return http::problem(wanted.error(), request.id);
        auto place = parts.logs.admit(request.principal);
        if (!place) co_return http::problem(place.error(), request.id);
        if (wanted->flow) {
            const auto graph = co_await find_flow(request, *wanted->flow);
            if (!graph) co_return http::problem(graph.error(), request.id);
            auto& its = wanted->filter.jobs.emplace();
            for (const auto& node : graph->nodes) its.insert(node.id);
        }
        auto log = co_await log_of(request.principal.organization);
        if (!log) co_return http::problem(log.error(), request.id);
        const auto executor = co_await asio::this_coro::executor;
        auto follower = std::make_unique<LiveFollower>(std::move(*log), std::move(wanted->filter), executor);
        // Shared: the body of an answer can be copied.
        const auto stream = std::make_shared<EventStream>(request, parts.identity, parts.database, std::move(*place),
                                                          std::move(follower));
        Result<void> begun = success();
        if (wanted->job) begun = co_await begin_with_job(request, *wanted->job, *stream);
        if (wanted->flow) begun = co_await begin_with_flow(request, *wanted->flow, *stream);
        if (!begun) co_return http::problem(begun.error(), request.id);
        co_return stream_answer(stream);
    }
};

} // namespace

void add_stream_routes(http::Router& router, const StreamParts& parts) {
    const auto routes = std::make_shared<const StreamRoutes>(StreamRoutes{parts}); // shared by its handler
    router.add({Verb::get,
                "/api/v1/events/stream",
                [routes](Request& request) { return routes->open(request); },
                {},
                Permission::jobs_read});
}

} // namespace millrace::api
