#include "api/models/model_engine_routes.hpp"

#include "api/models/model_json.hpp"
#include "api/models/model_parts.hpp"
#include "api/routing.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

struct ModelEngineRoutes {
    models::Registry& registry;
    inference::Engine& engine;

    Result<RunnableVersion> find(const Request& request) const {
        return registry.resolve(request.principal.organization, request.parameter("name"),
                                request.parameter("version"));
    }

    // The version as it is now.
    Response answer(const Request& request, const inference::ModelVersion& version) const {
        const auto model = registry.find(version.organization, version.name);
        if (!model) return http::problem(model.error(), request.id);
        const auto number = models::version_number(version.version);
        const auto* known = number ? (*model)->find(*number) : nullptr;
        if (!known)
            return http::problem({Code::not_found, fmt::format("version {} of the model \"{}\" has been deleted",
                                                               version.version, version.name)},
                                 request.id);
        return http::json(200, version_json(**model, *known, engine.models()));
    }

    awaitable<Response> load(Request& request) const {
        const auto version = find(request);
        if (!version) co_return http::problem(version.error(), request.id);
        const auto loaded = co_await load_parts(registry, engine, *version);
        if (!loaded) co_return http::problem(loaded.error(), request.id);
        co_return answer(request, **version);
    }

    awaitable<Response> unload(Request& request) const {
        const auto version = find(request);
        if (!version) co_return http::problem(version.error(), request.id);
        const auto unloaded = co_await unload_parts(registry, engine, *version);
        if (!unloaded) co_return http::problem(unloaded.error(), request.id);
        co_return answer(request, **version);
    }

    awaitable<Response> statistics(Request& request) const {
        const auto found = registry.find(request.principal.organization, request.parameter("name"));
        if (!found) co_return http::problem(found.error(), request.id);
        co_return http::json(200, statistics_json(**found, engine.statistics()));
    }
};

} // namespace

void add_model_engine_routes(http::Router& router, models::Registry& registry, inference::Engine& engine) {
    const auto routes =
        std::make_shared<const ModelEngineRoutes>(ModelEngineRoutes{registry, engine}); // shared by its handlers
    router.add({Verb::post,
                "/api/v1/models/{name}/versions/{version}/load",
                [routes](Request& r) { return routes->load(r); },
                {},
                Permission::models_manage});
    router.add({Verb::post,
                "/api/v1/models/{name}/versions/{version}/unload",
                [routes](Request& r) { return routes->unload(r); },
                {},
                Permission::models_manage});
    router.add({Verb::get,
                "/api/v1/models/{name}/statistics",
                [routes](Request& r) { return routes->statistics(r); },
                {},
                Permission::models_read});
}

} // namespace millrace::api
