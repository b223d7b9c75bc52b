#include "api/models/traffic_routes.hpp"

#include "api/input.hpp"
#include "api/models/traffic_json.hpp"
#include "api/routing.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

constexpr std::size_t max_traffic_bytes = 16 << 10, longest_reason = 500;

std::string role_of(const models::Traffic& traffic, int version) {
    if (traffic.production == version) return "production";
    if (traffic.candidate && traffic.candidate->version == version) return "candidate";
    return traffic.shadow == version ? "shadow" : "";
}

struct TrafficRoutes {
    models::Registry& registry;
    models::Rollout& rollout;
    models::VersionStats& stats;
    models::Feedback& feedback;
    models::Breakers& breakers;

    awaitable<Response> show(Request& request, std::string name) const {
        const auto model = registry.find(request.principal.organization, name);
        if (!model) co_return http::problem(model.error(), request.id);
        const auto history = co_await rollout.history(request.principal.organization, name);
        if (!history) co_return http::problem(history.error(), request.id);
        co_return http::json(200, write_traffic((*model)->traffic, *history));
    }

    awaitable<Response> get(Request& request) const {
        std::string name{request.parameter("name")};
        co_return co_await show(request, std::move(name));
    }

    awaitable<Response> set(Request& request) const {
        std::string name{request.parameter("name")};
        const auto document = co_await read_json(request);
        if (!document) co_return http::problem(document.error(), request.id);
        auto traffic = models::Traffic::from_json(*document);
        if (!traffic) co_return http::problem(traffic.error(), request.id);
        const auto done = co_await rollout.set(request.principal, name, std::move(*traffic));
        if (!done) co_return http::problem(done.error(), request.id);
        co_return co_await show(request, std::move(name));
    }

    awaitable<Response> roll_back(Request& request) const {
        std::string name{request.parameter("name")};
        const auto body = co_await read_optional_object(request);
        if (!body) co_return http::problem(body.error(), request.id);
        if (const auto known = only_fields(*body, {"reason"}); !known)
            co_return http::problem(known.error(), request.id);
        const auto reason = string_field(*body, "reason", longest_reason);
        if (!reason) co_return http::problem(reason.error(), request.id);
        const auto done = co_await rollout.roll_back(request.principal, name, reason->value_or("by hand"));
        if (!done) co_return http::problem(done.error(), request.id);
        co_return co_await show(request, std::move(name));
    }

    awaitable<Response> compare(Request& request) const {
        const std::string name{request.parameter("name")};
        const auto organization = request.principal.organization;
        const auto model = registry.find(organization, name);
        if (!model) co_return http::problem(model.error(), request.id);
        const auto words = co_await feedback.count(organization, name);
        if (!words) co_return http::problem(words.error(), request.id);
        json::array versions;
        for (const auto& version : (*model)->versions) {
            VersionView view{version.number,
                             role_of((*model)->traffic, version.number),
                             stats.total(organization, name, version.number),
                             {},
                             breakers.view(organization, name, std::to_string(version.number))};
            if (const auto at = words->find(version.number); at != words->end()) view.feedback = at->second;
            versions.push_back(write_version(view));
        }
        co_return http::json(
            200, json::object{{"model", name}, {"since", stats.since().text()}, {"versions", std::move(versions)}});
    }
};

} // namespace

void add_traffic_routes(http::Router& router, models::Registry& registry, models::Rollout& rollout,
                        models::VersionStats& stats, models::Feedback& feedback, models::Breakers& breakers) {
    const auto routes = std::make_shared<const TrafficRoutes>(
        TrafficRoutes{registry, rollout, stats, feedback, breakers}); // shared by its handlers
    const auto body = BodyPolicy::buffered(max_traffic_bytes);
    router.add({Verb::get,
                "/api/v1/models/{name}/traffic",
                [routes](Request& r) { return routes->get(r); },
                {},
                Permission::models_read});
    router.add({Verb::put, "/api/v1/models/{name}/traffic", [routes](Request& r) { return routes->set(r); }, body,
                Permission::models_manage});
    router.add({Verb::post, "/api/v1/models/{name}/rollback", [routes](Request& r) { return routes->roll_back(r); },
                body, Permission::models_manage});
    router.add({Verb::get,
                "/api/v1/models/{name}/comparison",
                [routes](Request& r) { return routes->compare(r); },
                {},
                Permission::models_read});
}

} // namespace millrace::api
