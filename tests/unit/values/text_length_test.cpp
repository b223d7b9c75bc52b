#include "values/manifest.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::values;

namespace {

Result<Manifest> text_model(const std::string& shape, const std::string& more) {
    return Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"text","datatype":"INT64","shape":)" +
        shape + R"(,"tokenizer":{"kind":"bytes")" + more + "}}}");
}

std::string refusal(const std::string& shape, const std::string& more) {
    const auto read = text_model(shape, more);
    return read ? "accepted" : read.error().detail;
}

} // namespace

TEST_CASE("a text of an open length needs the most that it may have, and keeps it") {
    const auto open = text_model("[-1]", R"(,"max_length":256)");
    REQUIRE_MESSAGE(open.has_value(), (open ? "" : open.error().detail));
    const auto again = Manifest::from_json(open->to_json());
    REQUIRE(again.has_value());
    for (const auto* each : {&*open, &*again}) {
        CHECK(each->inputs.front().text.open);
        CHECK(each->inputs.front().text.length == 256);
        CHECK(each->inputs.front().tensor.shape == Shape{-1});
    }
    CHECK_FALSE(text_model("[8]", "")->inputs.front().text.open);
}

TEST_CASE("lengths that contradict each other are refused") {
    CHECK(refusal("[-1]", "").find("needs a \"max_length\"") != std::string::npos);
    CHECK(refusal("[8]", R"(,"max_length":8)").find("belongs to a text of the shape [-1]") != std::string::npos);
    CHECK(refusal("[-1]", R"(,"max_length":0)").find("max_length") != std::string::npos);
    CHECK(refusal("[-1]", R"(,"max_length":2,"begin":1,"end":2)").find("\"max_length\" leaves no place") !=
          std::string::npos);
    CHECK(refusal("[-1,2]", R"(,"max_length":8)").find("or [-1]") != std::string::npos);
}
