#include "api/service/service_routes.hpp"

#include "api/routing.hpp"
#include "api/service/embedded_file.hpp"
#include "api/service/inference_metrics.hpp"
#include "api/service/service_status.hpp"
#include "telemetry/gpus.hpp"

namespace millrace::api {

void add_service_routes(http::Router& router, const ServiceStatus& status, const ServiceInfo& info,
                        inference::Engine& engine, telemetry::Metrics& metrics) {
    router.add({Verb::get,
                "/health",
                [](Request&) -> awaitable<Response> { co_return http::json_text(200, R"({"status":"ok"})"); },
                {},
                Access::open()});
    router.add({Verb::get,
                "/ready",
                [ask = info.readiness](Request&) -> awaitable<Response> {
                    const auto readiness = ask();
                    auto response = http::json(readiness.reasons.empty() ? 200 : 503, readiness_json(readiness));
                    if (!readiness.reasons.empty()) response.set("Retry-After", "1");
                    co_return response;
                },
                {},
                Access::open()});
    router.add({Verb::get,
                "/metrics",
                [&metrics, &engine](Request& request) -> awaitable<Response> {
                    auto text = metrics.render(request.principal.organization.text()) +
                                inference_metrics(engine.statistics(), request.principal.organization) +
                                telemetry::render(telemetry::gpu_figures());
                    co_return http::text(200, "text/plain; version=0.0.4; charset=utf-8", std::move(text));
                },
                {},
                Permission::service_read});
    router.add(
        {Verb::get,
         "/openapi.json",
         [](Request& request) -> awaitable<Response> { co_return embedded_file("openapi.json", request, "no-cache"); },
         {},
         Permission::service_read});
    router.add({Verb::get,
                "/api/v1/status",
                [&status](Request& request) -> awaitable<Response> {
                    const auto queue = co_await status.snapshot();
                    co_return http::json(200, status.of(request.principal.organization, queue));
                },
                {},
                Permission::service_read});
}

} // namespace millrace::api
