#include "api/models/model_routes.hpp"

#include "api/etag.hpp"
#include "api/file_answer.hpp"
#include "api/models/model_json.hpp"
#include "api/models/model_push.hpp"
#include "api/page_text.hpp"
#include "api/routing.hpp"
#include "base/crypto.hpp"
#include "base/encoding.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::api {
namespace {

struct Found {
    std::shared_ptr<const models::Model> model;
    const models::Version* version; // one of its
};

struct ModelRoutes {
    models::Registry& registry;
    inference::Engine& engine;

    awaitable<Response> list(Request& request) const {
        const auto loaded = engine.models();
        PageText page{request.query, PageText::Order::rising};
        for (const auto& each : registry.list(request.principal.organization))
            if (page.wants(each->name)) page.add(each->name, model_json(*each, false, loaded));
        co_return http::json_text(200, page.text());
    }

    awaitable<Response> get(Request& request) const {
        const auto found = registry.find(request.principal.organization, request.parameter("name"));
        if (!found) co_return http::problem(found.error(), request.id);
        co_return http::json(200, model_json(**found, true, engine.models()));
    }

    Result<Found> find(const Request& request) const {
        auto model = registry.find(request.principal.organization, request.parameter("name"));
        if (!model) return model.error();
        const auto number = models::version_number(request.parameter("version"));
        const auto* version = number ? (*model)->find(*number) : nullptr;
        if (!version)
            return Error{Code::not_found, fmt::format("there is no version \"{}\" of the model \"{}\"",
                                                      request.parameter("version"), (*model)->name)};
        return Found{std::move(*model), version};
    }

    awaitable<Response> get_version(Request& request) const {
        const auto found = find(request);
        if (!found) co_return http::problem(found.error(), request.id);
        co_return http::json(200, version_json(*found->model, *found->version, engine.models()));
    }

    awaitable<Response> get_file(Request& request) const {
        const auto found = find(request);
        if (!found) co_return http::problem(found.error(), request.id);
        const auto& version = *found->version;
        if (version.format == inference::ArchiveKind::chain)
            co_return http::problem({Code::not_found,
                                     "a chain has no model file: its manifest names the versions that it is made of"},
                                    request.id);
        const auto extension = version.format == inference::ArchiveKind::aotinductor ? "pt2" : "pt";
        const FileOffer offer{version.sha256, version.size, "application/octet-stream",
                              fmt::format("{}-{}.{}", found->model->name, version.number, extension)};
        if (auto answer = answer_without_file(request, offer)) co_return std::move(*answer);
        auto opened = co_await registry.open_file(version.sha256, version.size);
        if (!opened) co_return http::problem(opened.error(), request.id);
        co_return answer_with_file(request, offer, std::move(opened->file), registry.files());
    }

    awaitable<Response> get_side_file(Request& request) const {
        const auto found = find(request);
        if (!found) co_return http::problem(found.error(), request.id);
        const auto& files = found->version->files;
        const auto file = std::find_if(files.begin(), files.end(),
                                       [&](const auto& each) { return each.name == request.parameter("file"); });
        if (file == files.end())
            co_return http::problem({Code::not_found,
                                     fmt::format("the version has no file \"{}\"", request.parameter("file"))},
                                    request.id);
        const FileOffer offer{file->sha256, file->size, "application/octet-stream", file->name};
        if (auto answer = answer_without_file(request, offer)) co_return std::move(*answer);
        auto opened = co_await registry.open_file(file->sha256, file->size);
        if (!opened) co_return http::problem(opened.error(), request.id);
        co_return answer_with_file(request, offer, std::move(opened->file), registry.files());
    }

    awaitable<Response> get_manifest(Request& request) const {
        const auto found = find(request);
        if (!found) co_return http::problem(found.error(), request.id);
        const std::string name = found->model->name;
        auto text = co_await registry.manifest_file(found->model->organization, name, found->version->number);
        if (!text) co_return http::problem(text.error(), request.id);
        const auto tag = "\"" + hex(sha256(*text)) + "\"";
        const bool unchanged = etag_matches(request.header("If-None-Match"), tag);
        auto response = unchanged ? http::empty(304) : http::json_text(200, std::move(*text));
        response.set("ETag", tag).set("Cache-Control", "private, no-cache");
        co_return response;
    }

    awaitable<Response> push(Request& request) const {
        const std::string name{request.parameter("name")};
        auto read = co_await read_push(request, registry);
        if (!read) co_return http::problem(read.error(), request.id);
        auto pushed = co_await registry.push(request.principal, name, std::move(read->file), std::move(*read->manifest),
                                             std::move(read->attached));
        if (!pushed) co_return http::problem(pushed.error(), request.id);
        auto response = http::json(pushed->created ? 201 : 200, models::to_json(pushed->version, true));
        response.set("Location", fmt::format("/api/v1/models/{}/versions/{}", name, pushed->version.number));
        co_return response;
    }

    awaitable<Response> remove(Request& request) const {
        const std::string name{request.parameter("name")}, version{request.parameter("version")};
        const auto done = co_await registry.remove(request.principal, name, version);
        co_return done ? http::empty(204) : http::problem(done.error(), request.id);
    }
};

} // namespace

void add_model_routes(http::Router& router, models::Registry& registry, inference::Engine& engine) {
    const auto routes = std::make_shared<const ModelRoutes>(ModelRoutes{registry, engine}); // shared by its handlers
    router.add(
        {Verb::get, "/api/v1/models", [routes](Request& r) { return routes->list(r); }, {}, Permission::models_read});
    router.add({Verb::get,
                "/api/v1/models/{name}",
                [routes](Request& r) { return routes->get(r); },
                {},
                Permission::models_read});
    router.add({Verb::post, "/api/v1/models/{name}/versions", [routes](Request& r) { return routes->push(r); },
                BodyPolicy::streamed(models::max_model_bytes), Permission::models_manage});
    router.add({Verb::get,
                "/api/v1/models/{name}/versions/{version}",
                [routes](Request& r) { return routes->get_version(r); },
                {},
                Permission::models_read});
    router.add({Verb::get,
                "/api/v1/models/{name}/versions/{version}/file",
                [routes](Request& r) { return routes->get_file(r); },
                {},
                Permission::models_manage});
    router.add({Verb::get,
                "/api/v1/models/{name}/versions/{version}/files/{file}",
                [routes](Request& r) { return routes->get_side_file(r); },
                {},
                Permission::models_manage});
    router.add({Verb::get,
                "/api/v1/models/{name}/versions/{version}/manifest",
                [routes](Request& r) { return routes->get_manifest(r); },
                {},
                Permission::models_read});
    router.add({Verb::delete_,
                "/api/v1/models/{name}/versions/{version}",
                [routes](Request& r) { return routes->remove(r); },
                {},
                Permission::models_manage});
}

} // namespace millrace::api
