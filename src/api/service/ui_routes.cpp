#include "api/service/ui_routes.hpp"

#include "api/routing.hpp"
#include "api/service/embedded_file.hpp"
#include "base/embedded.hpp"
#include "base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace millrace::api {
namespace {

constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src "
    "'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'";

Response page_for(const Request& request) {
    auto response = embedded_file("ui/index.html", request, "no-cache");
    response.set("Content-Security-Policy", std::string{page_policy});
    return response;
}

constexpr std::array<std::string_view, 9> pages{"/",    "/jobs",       "/jobs/{id}", "/models", "/models/{name}",
                                                "/try", "/try/{name}", "/keys",      "/docs"};

awaitable<Response> page(Request& request) { co_return page_for(request); }

// What programs talk to: there a missing thing is a problem document for everybody.
bool is_for_programs(std::string_view path) {
    for (const std::string_view folder :
         {"/api", "/v1", "/v2", "/assets", "/examples", "/health", "/ready", "/metrics"})
        if (path == folder || (path.starts_with(folder) && path[folder.size()] == '/')) return true;
    return false;
}

awaitable<Response> asset(Request& request) {
    co_return embedded_file("ui/assets/" + std::string{request.parameter("path")}, request,
                            "public, max-age=31536000, immutable");
}

awaitable<Response> example(Request& request) {
    const std::string name{request.parameter("name")};
    const auto bytes = embedded::examples().find(name);
    if (!bytes) co_return http::problem({Code::not_found, fmt::format("there is no example {}", name)}, request.id);
    auto response =
        http::text(200, type_of_file(name), std::string{reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    response.set("Cache-Control", "private, max-age=3600");
    co_return response;
}

// digit-7-row-1442.png is an example of the model digits whose true label is 7; *.npy one of land_cover.
awaitable<Response> example_index(Request&) {
    json::array examples;
    for (const auto& file : embedded::examples().list()) {
        json::object entry{{"name", file.path},
                           {"url", fmt::format("/examples/{}", file.path)},
                           {"media_type", type_of_file(file.path)}};
        if (file.path.starts_with("digit-")) {
            entry["model"] = "digits";
            entry["label"] = file.path.substr(6, 1);
        } else {
            entry["model"] = "land_cover";
        }
        examples.push_back(std::move(entry));
    }
    co_return http::json(200, json::object{{"examples", std::move(examples)}});
}

} // namespace

void show_page(const http::Request& request, Response& response) {
    const bool is_read = request.method == Verb::get || request.method == Verb::head;
    if (response.status != 404 || !is_read || request.path.empty() || is_for_programs(request.path)) return;
    if (request.header("Accept").find("text/html") == std::string_view::npos) return;
    auto page = page_for(request);
    const std::string_view path{request.path};
    const bool is_page =
        path.ends_with('/') && std::ranges::find(pages, path.substr(0, path.size() - 1)) != pages.end();
    if (page.status == 200 && !is_page) page.status = 404;
    page.set("Cache-Control", "no-store");
    response = std::move(page);
}

void add_ui_routes(http::Router& router) {
    // The pages that the UI's own router knows; anything else is a plain 404.
    for (const auto path : pages) router.add({Verb::get, std::string{path}, page, {}, Access::open()});
    router.add({Verb::get, "/assets/{path*}", asset, {}, Access::open()});
    for (const auto& file : embedded::assets().list()) {
        // Files beside index.html: the icon and the like.
        const auto path = file.path;
        if (!path.starts_with("ui/") || path.substr(3).find('/') != std::string_view::npos || path == "ui/index.html" ||
            path.ends_with(".br") || path.ends_with(".gz"))
            continue;
        router.add({Verb::get,
                    std::string{path.substr(2)},
                    [path](Request& request) -> awaitable<Response> {
                        co_return embedded_file(path, request, "public, max-age=86400");
                    },
                    {},
                    Access::open()});
    }
    router.add({Verb::get, "/examples/index.json", example_index, {}, Permission::service_read});
    router.add({Verb::get, "/examples/{name}", example, {}, Permission::service_read});
}

} // namespace millrace::api
