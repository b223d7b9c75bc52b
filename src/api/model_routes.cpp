#include "api/model_routes.hpp"

#include "api/input.hpp"
#include "api/routing.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

struct Push {
    std::optional<blobs::BlobUpload> file;
    std::optional<std::string> manifest;
};

struct ModelRoutes {
    models::Registry& registry;

    awaitable<Response> list(Request& request) const {
        json::array data;
        for (const auto& each : registry.list(request.principal.organization)) data.push_back(models::to_json(*each, false));
        co_return http::json(200, json::object{{"data", std::move(data)}, {"meta", {{"next_cursor", nullptr}}}});
    }

    awaitable<Response> get(Request& request) const {
        const auto found = registry.find(request.principal.organization, request.parameter("name"));
        if (!found) co_return http::problem(found.error(), request.id);
        co_return http::json(200, models::to_json(**found, true));
    }

    awaitable<Result<Push>> read_push(Request& request) const {
        auto form = http::MultipartReader::open(request.header("Content-Type"), *request.body_reader);
        if (!form) co_return form.error();
        Push push;
        for (;;) {
            auto part = co_await form->next();
            if (!part) co_return part.error();
            if (!*part) break;
            if ((*part)->name == "manifest") {
                auto text = co_await form->text(model::max_manifest_bytes);
                if (!text) co_return text.error();
                push.manifest = std::move(*text);
            } else if ((*part)->name == "model" && !push.file) {
                push.file.emplace(registry.begin_upload());
                for (;;) {
                    auto piece = co_await form->read();
                    if (!piece) co_return piece.error();
                    if (piece->empty()) break;
                    auto written = co_await push.file->write(*piece);
                    if (!written) co_return written.error();
                }
            } else {
                co_return Error{Code::unprocessable, fmt::format("the form has an unknown part \"{}\"; it takes one \"model\" and one \"manifest\"", (*part)->name)};
            }
        }
        if (!push.file || !push.manifest) co_return Error{Code::unprocessable, "the form needs the parts \"model\" and \"manifest\""};
        co_return push;
    }

    awaitable<Response> push(Request& request) const {
        const std::string name{request.parameter("name")};
        auto read = co_await read_push(request);
        if (!read) co_return http::problem(read.error(), request.id);
        auto pushed = co_await registry.push(request.principal, name, std::move(*read->file), std::move(*read->manifest));
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

void add_model_routes(http::Router& router, models::Registry& registry) {
    const auto routes = std::make_shared<const ModelRoutes>(ModelRoutes{registry}); // shared by its handlers
    router.add({Verb::get, "/api/v1/models", [routes](Request& r) { return routes->list(r); }, {}, Role::viewer});
    router.add({Verb::get, "/api/v1/models/{name}", [routes](Request& r) { return routes->get(r); }, {}, Role::viewer});
    router.add({Verb::post, "/api/v1/models/{name}/versions", [routes](Request& r) { return routes->push(r); },
                BodyPolicy::streamed(models::max_model_bytes), Role::operator_});
    router.add({Verb::delete_, "/api/v1/models/{name}/versions/{version}", [routes](Request& r) { return routes->remove(r); }, {}, Role::operator_});
}

} // namespace millrace::api
