#include "api/large_json.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

Result<json::value> parsed(std::string text) {
    static async::ThreadPool pool{"test-files", 2, 10};
    asio::io_context context;
    auto future = asio::co_spawn(context, parse_large(pool, std::make_shared<const std::string>(std::move(text))),
                                 asio::use_future);
    context.run();
    return future.get();
}

std::string repeated(std::string_view unit, std::size_t count) {
    std::string out = "[";
    for (std::size_t i = 0; i < count; ++i) out.append(i ? "," : "").append(unit);
    return out + "]";
}

} // namespace

TEST_CASE("a body of any size is read as it stands") {
    for (const std::size_t count : {0, 1, 1'000, 100'000}) {
        const auto value = parsed(repeated(R"({"a":[1,"[{\"["]})", count));
        REQUIRE(value.has_value());
        CHECK(value->as_array().size() == count);
    }
    CHECK(parsed("[1,").error().code == Code::invalid_argument);
    CHECK(parsed(repeated("1", 100'000) + "x").error().code == Code::invalid_argument);
    CHECK(parsed("\"" + std::string(100'000, '\\')).error().code == Code::invalid_argument);
}

TEST_CASE("many megabytes of brackets are refused before anything is built of them; as many in a text are not") {
    CHECK(parsed(repeated("[]", most_json_containers)).error().code == Code::unprocessable);
    CHECK(parsed(std::string(16 << 20, '[')).error().code == Code::unprocessable);
    CHECK(parsed(repeated("[]", 200'000)).has_value());
    CHECK(parsed("\"" + std::string(16 << 20, '[') + "\"").has_value());
}
