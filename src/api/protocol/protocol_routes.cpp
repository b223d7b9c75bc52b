#include "api/protocol/protocol_routes.hpp"

#include "api/protocol/protocol_infer.hpp"
#include "api/protocol/protocol_model.hpp"
#include "api/protocol/protocol_repository.hpp"
#include "api/routing.hpp"
#include "base/json.hpp"
#include "base/version.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

// Health and readiness are told by the status alone.
Response verdict(bool good) { return http::empty(good ? 200 : 400); }

// The protocol's clients name no content type.
Result<json::object> optional_object(const Request& request) {
    if (request.body.empty()) return json::object{};
    auto document = parse_json(request.body);
    if (!document) return document.error();
    if (!document->is_object()) return Error{Code::invalid_argument, "the body must be a JSON object, or empty"};
    return std::move(document->as_object());
}

std::optional<std::string_view> version_of(const Request& request) {
    const auto version = request.parameter("version");
    return version.empty() ? std::nullopt : std::optional{version};
}

struct ProtocolRoutes {
    ProtocolServices services;
    ProtocolInfer infer{services.serving, services.pool};
    ProtocolRepository repository{services.registry, services.engine};

    explicit ProtocolRoutes(ProtocolServices s) : services{std::move(s)} {}

    // The version that is named, or else the one in production.
    Result<std::shared_ptr<const inference::ModelVersion>> version(const Request& request) const {
        return services.registry.resolve(request.principal.organization, request.parameter("name"),
                                         version_of(request));
    }

    awaitable<Response> metadata(Request& request) const {
        const auto chosen = version(request);
        if (!chosen) co_return http::problem(chosen.error(), request.id);
        const auto model = services.registry.find(request.principal.organization, request.parameter("name"));
        if (!model) co_return http::problem(model.error(), request.id);
        std::vector<std::string> versions;
        for (const auto& each : (*model)->versions)
            if (each.ready()) versions.push_back(std::to_string(each.number));
        if (version_of(request)) versions = {(*chosen)->version};
        co_return http::json(200, protocol::model_metadata((*model)->name, versions, *(*chosen)->manifest));
    }

    awaitable<Response> config(Request& request) const {
        const auto chosen = version(request);
        if (!chosen) co_return http::problem(chosen.error(), request.id);
        co_return http::json(200, protocol::model_config((*chosen)->name, *(*chosen)->manifest,
                                                         services.engine.status().device));
    }

    awaitable<Response> ready(Request& request) const {
        co_return verdict(
            repository.ready(request.principal.organization, request.parameter("name"), version_of(request)));
    }

    // Of all models, of one model's versions, or of one version.
    awaitable<Response> statistics(Request& request) const {
        const auto organization = request.principal.organization;
        const auto name = request.parameter("name");
        std::vector<std::shared_ptr<const models::Model>> wanted;
        if (name.empty()) {
            wanted = services.registry.list(organization);
        } else {
            auto model = services.registry.find(organization, name);
            if (!model) co_return http::problem(model.error(), request.id);
            wanted.push_back(std::move(*model));
        }
        const auto counted = services.engine.statistics();
        json::array out;
        for (const auto& model : wanted)
            for (const auto& each : model->versions) {
                const auto number = std::to_string(each.number);
                if (!each.ready() || number != version_of(request).value_or(number)) continue;
                out.push_back(
                    protocol::model_statistics(model->name, number, find(counted, organization, model->name, number)));
            }
        if (out.empty() && version_of(request))
            co_return http::problem({Code::not_found, fmt::format("there is no version \"{}\" of the model \"{}\"",
                                                                  *version_of(request), name)},
                                    request.id);
        co_return http::json(200, json::object{{"model_stats", std::move(out)}});
    }

    static const inference::ModelStatistics* find(const std::vector<inference::ModelStatistics>& counted,
                                                  OrganizationId organization, const std::string& name,
                                                  const std::string& version) {
        for (const auto& each : counted)
            if (each.version->organization == organization && each.version->name == name &&
                each.version->version == version)
                return &each;
        return nullptr;
    }

    awaitable<Response> index(Request& request) const {
        const auto body = optional_object(request);
        if (!body) co_return http::problem(body.error(), request.id);
        const auto* ready = body->if_contains("ready");
        if (ready && !ready->is_bool())
            co_return http::problem({Code::invalid_argument, "\"ready\" is true or false"}, request.id);
        co_return http::json(200, repository.index(request.principal.organization, ready && ready->as_bool()));
    }

    awaitable<Response> load(Request& request) {
        const auto body = optional_object(request);
        if (!body) co_return http::problem(body.error(), request.id);
        // Triton's clients may bring a configuration and files along; here a version is pushed, checked, and then
        // fixed.
        const auto* parameters = field(*body, "parameters");
        if (parameters && !(parameters->is_object() && parameters->as_object().empty()))
            co_return http::problem({Code::invalid_argument, "a model is loaded as it was pushed: without parameters"},
                                    request.id);
        const std::string name{request.parameter("name")};
        const auto loaded = co_await repository.load(request.principal.organization, name);
        if (!loaded) co_return http::problem(loaded.error(), request.id);
        co_return http::json_text(200, "{}");
    }

    // Of the protocol's extensions those that this server does not have. Clients ask for them by name, and are told.
    static awaitable<Response> without(Request& request, std::string what) {
        co_return http::problem(501, "not-implemented", "Not Implemented", what,
                                request.id); // speak_protocol() gives it the protocol's form
    }

    awaitable<Response> unload(Request& request) {
        const auto body = optional_object(request);
        if (!body) co_return http::problem(body.error(), request.id);
        const std::string name{request.parameter("name")};
        const auto unloaded = co_await repository.unload(request.principal.organization, name);
        if (!unloaded) co_return http::problem(unloaded.error(), request.id);
        co_return http::json_text(200, "{}");
    }
};

} // namespace

void add_protocol_routes(http::Router& router, ProtocolServices services) {
    const auto routes = std::make_shared<ProtocolRoutes>(std::move(services)); // shared by its handlers
    router.add(
        {Verb::get,
         "/v2",
         [](Request&) -> awaitable<Response> { co_return http::json(200, protocol::server_metadata(version())); },
         {},
         Permission::models_read});
    router.add({Verb::get,
                "/v2/health/live",
                [](Request&) -> awaitable<Response> { co_return verdict(true); },
                {},
                Access::open()});
    router.add({Verb::get,
                "/v2/health/ready",
                [routes](Request&) -> awaitable<Response> { co_return verdict(routes->services.ready()); },
                {},
                Access::open()});
    router.add({Verb::get,
                "/v2/models/stats",
                [routes](Request& r) { return routes->statistics(r); },
                {},
                Permission::models_read});
    for (const std::string model : {"/v2/models/{name}", "/v2/models/{name}/versions/{version}"}) {
        router.add(
            {Verb::get, model, [routes](Request& r) { return routes->metadata(r); }, {}, Permission::models_read});
        router.add({Verb::get,
                    model + "/config",
                    [routes](Request& r) { return routes->config(r); },
                    {},
                    Permission::models_read});
        router.add({Verb::get,
                    model + "/ready",
                    [routes](Request& r) { return routes->ready(r); },
                    {},
                    Permission::models_read});
        router.add({Verb::get,
                    model + "/stats",
                    [routes](Request& r) { return routes->statistics(r); },
                    {},
                    Permission::models_read});
        router.add({Verb::post, model + "/infer", [routes](Request& r) { return routes->infer.answer(r); },
                    BodyPolicy::packed(max_infer_bytes), Permission::predictions_run, takes_query});
    }
    const auto without = [&router](Verb verb, const std::string& path, const char* what) {
        router.add({verb, path, [what](Request& r) { return ProtocolRoutes::without(r, what); },
                    verb == Verb::get ? BodyPolicy{} : BodyPolicy::buffered(), Permission::models_read});
    };
    for (const std::string kind : {"/v2/systemsharedmemory", "/v2/cudasharedmemory"}) {
        constexpr auto what = "shared memory is not supported: send the tensors in the request, as binary data";
        without(Verb::get, kind + "/status", what);
        without(Verb::get, kind + "/region/{region}/status", what);
        without(Verb::post, kind + "/region/{region}/register", what);
        without(Verb::post, kind + "/region/{region}/unregister", what);
        without(Verb::post, kind + "/unregister", what);
    }
    for (const auto verb : {Verb::get, Verb::post}) {
        without(verb, "/v2/trace/setting", "tracing is not supported");
        without(verb, "/v2/models/{name}/trace/setting", "tracing is not supported");
        without(verb, "/v2/logging", "the log's settings are those of the daemon, see `millrace config show`");
    }
    router.add({Verb::post, "/v2/repository/index", [routes](Request& r) { return routes->index(r); },
                BodyPolicy::buffered(), Permission::models_read});
    router.add({Verb::post, "/v2/repository/models/{name}/load", [routes](Request& r) { return routes->load(r); },
                BodyPolicy::buffered(), Permission::models_manage});
    router.add({Verb::post, "/v2/repository/models/{name}/unload", [routes](Request& r) { return routes->unload(r); },
                BodyPolicy::buffered(), Permission::models_manage});
}

} // namespace millrace::api
