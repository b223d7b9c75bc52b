#include "http/router.hpp"

#include <doctest/doctest.h>

using namespace millrace::http;
using millrace::awaitable;

namespace {

Route route(Verb verb, std::string pattern) {
    return {verb, std::move(pattern), [](Request&) -> awaitable<Response> { co_return empty(); }, {}, Access::open()};
}

struct Lookup {
    std::string pattern, allowed;
    Parameters captures;
};

Lookup find(const Router& router, Verb verb, std::string_view path) {
    Lookup lookup;
    const auto found = router.find(verb, path, lookup.captures);
    if (found.route) lookup.pattern = found.route->pattern;
    lookup.allowed = found.allowed;
    return lookup;
}

} // namespace

TEST_CASE("a path finds its route and its captures") {
    Router router;
    router.add(route(Verb::get, "/"));
    router.add(route(Verb::get, "/jobs"));
    router.add(route(Verb::post, "/jobs"));
    router.add(route(Verb::get, "/jobs/{id}"));
    router.add(route(Verb::post, "/jobs/batch"));
    router.add(route(Verb::post, "/jobs/{job}/cancel"));
    router.add(route(Verb::delete_, "/models/{name}/versions/{version}"));
    router.add(route(Verb::get, "/ui/{path*}"));

    CHECK(find(router, Verb::get, "/").pattern == "/");
    CHECK(find(router, Verb::post, "/jobs").pattern == "/jobs");
    CHECK(find(router, Verb::get, "/jobs/7").captures["id"] == "7");
    CHECK(find(router, Verb::post, "/jobs/7/cancel").captures["job"] == "7");
    CHECK(find(router, Verb::post, "/jobs/batch").pattern == "/jobs/batch");
    const auto two = find(router, Verb::delete_, "/models/digits/versions/1");
    CHECK(two.captures["name"] == "digits");
    CHECK(two.captures["version"] == "1");
    CHECK(find(router, Verb::get, "/ui/assets/app.js").captures["path"] == "assets/app.js");
    CHECK(find(router, Verb::head, "/jobs/7").pattern == "/jobs/{id}");
    CHECK(router.routes().size() == 8);
}

TEST_CASE("an unknown path gives nothing, a known path with another verb gives what is allowed") {
    Router router;
    router.add(route(Verb::get, "/jobs"));
    router.add(route(Verb::post, "/jobs"));
    router.add(route(Verb::delete_, "/jobs/{id}"));
    for (const char* unknown : {"/job", "/jobs/", "/jobs//", "/jobs/7/8", "//", "*", ""}) {
        const auto lookup = find(router, Verb::get, unknown);
        CHECK_MESSAGE(lookup.pattern.empty(), unknown);
        CHECK_MESSAGE(lookup.allowed.empty(), unknown);
    }
    CHECK(find(router, Verb::put, "/jobs").allowed == "GET, HEAD, POST, OPTIONS");
    CHECK(find(router, Verb::get, "/jobs/7").allowed == "DELETE, OPTIONS");
    router.add(route(Verb::post, "/jobs/batch"));
    CHECK(find(router, Verb::get, "/jobs/batch").allowed == "POST, OPTIONS");
    CHECK(find(router, Verb::delete_, "/jobs/batch").allowed == "POST, OPTIONS"); // it is no /jobs/{id}
}

TEST_CASE("mistakes in the table of routes are found when it is built") {
    Router router;
    router.add(route(Verb::get, "/a/{id}"));
    CHECK_THROWS_AS(router.add(route(Verb::get, "/a/{other}")), std::logic_error);
    CHECK_THROWS_AS(router.add(route(Verb::get, "a")), std::logic_error);
    CHECK_THROWS_AS(router.add(route(Verb::get, "/a{id}")), std::logic_error);
    CHECK_THROWS_AS(router.add(route(Verb::get, "/{x*}/y")), std::logic_error);
    CHECK_THROWS_AS(router.add(route(Verb::trace, "/t")), std::logic_error);
    CHECK_THROWS_AS(router.add({Verb::get, "", {}, {}, Access::open()}), std::logic_error);
}
