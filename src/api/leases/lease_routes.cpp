#include "api/leases/lease_routes.hpp"

#include "api/input.hpp"
#include "api/leases/lease_json.hpp"
#include "api/routing.hpp"

namespace millrace::api {
namespace {

constexpr std::size_t max_request_bytes = 16 << 10;

Result<jobs::LeaseToken> path_token(const Request& request) {
    if (const auto token = jobs::LeaseToken::parse(request.parameter("token"))) return *token;
    return Error{Code::not_found, "that is no lease token; send the lease_token that came with the job"};
}

// After an attempt's end: which job it was.
Response ended(const jobs::LeaseToken& token) { return http::json(200, json::object{{"id", token.job.text()}}); }

struct LeaseRoutes {
    jobs::Leases& leases;

    awaitable<Response> take(Request& request) const {
        const auto body = co_await read_optional_object(request);
        if (!body) co_return http::problem(body.error(), request.id);
        std::string queue{request.parameter("q")};
        auto wanted = read_lease_request(*body, std::move(queue));
        if (!wanted) co_return http::problem(wanted.error(), request.id);
        const auto taken = co_await leases.take(request.principal, std::move(*wanted));
        if (!taken) co_return http::problem(taken.error(), request.id);
        auto response = http::json_text(200, write_leases(*taken));
        if (taken->empty()) co_return response;
        std::vector<jobs::LeaseToken> tokens;
        for (const auto& each : *taken) tokens.push_back(each.token);
        response.undelivered = [this, tokens = std::move(tokens)] { leases.take_back(tokens); };
        co_return response;
    }

    awaitable<Response> heartbeat(Request& request) const {
        const auto token = path_token(request);
        if (!token) co_return http::problem(token.error(), request.id);
        const auto body = co_await read_optional_object(request);
        if (!body) co_return http::problem(body.error(), request.id);
        const auto percent = read_heartbeat(*body);
        if (!percent) co_return http::problem(percent.error(), request.id);
        const auto beat = co_await leases.heartbeat(request.principal, *token, *percent);
        if (!beat) co_return http::problem(beat.error(), request.id);
        co_return http::json(200, json::object{{"lease_seconds", std::chrono::duration<double>(beat->lease).count()}});
    }

    awaitable<Response> complete(Request& request) const {
        const auto token = path_token(request);
        if (!token) co_return http::problem(token.error(), request.id);
        const auto body = co_await read_optional_object(request, completion_texts);
        if (!body) co_return http::problem(body.error(), request.id);
        auto result = read_completion(*body);
        if (!result) co_return http::problem(result.error(), request.id);
        const auto done = co_await leases.complete(request.principal, *token, std::move(*result));
        co_return done ? ended(*token) : http::problem(done.error(), request.id);
    }

    awaitable<Response> fail(Request& request) const {
        const auto token = path_token(request);
        if (!token) co_return http::problem(token.error(), request.id);
        const auto body = co_await read_optional_object(request);
        if (!body) co_return http::problem(body.error(), request.id);
        auto report = read_failure(*body);
        if (!report) co_return http::problem(report.error(), request.id);
        const auto done = co_await leases.fail(request.principal, *token, std::move(report->error), report->retryable,
                                               report->retry_after);
        co_return done ? ended(*token) : http::problem(done.error(), request.id);
    }
};

} // namespace

void add_lease_routes(http::Router& router, jobs::Leases& leases) {
    const auto routes = std::make_shared<const LeaseRoutes>(LeaseRoutes{leases}); // shared by its handlers
    const auto small = BodyPolicy::buffered(max_request_bytes), whole = BodyPolicy::buffered(max_json_bytes);
    router.add({Verb::post, "/api/v1/queues/{q}/leases", [routes](Request& r) { return routes->take(r); }, small,
                Permission::leases_work});
    router.add({Verb::post, "/api/v1/leases/{token}/heartbeat", [routes](Request& r) { return routes->heartbeat(r); },
                small, Permission::leases_work});
    router.add({Verb::post, "/api/v1/leases/{token}/complete", [routes](Request& r) { return routes->complete(r); },
                whole, Permission::leases_work});
    router.add({Verb::post, "/api/v1/leases/{token}/fail", [routes](Request& r) { return routes->fail(r); },
                BodyPolicy::buffered(64 << 10), Permission::leases_work});
}

} // namespace millrace::api
