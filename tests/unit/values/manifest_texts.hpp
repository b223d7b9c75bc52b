// Manifests of one short line, for the tests of what their members may say.
#pragma once
#include "values/manifest.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

namespace millrace::values::test {

// A tensor model with `input` and more members.
inline std::string manifest_of(const std::string& input, const std::string& more = "") {
    return fmt::format(R"({{"format":1,"name":"m","task":"tensor","input":{},"output":{{"shape":[2]}}{}{}}})", input,
                       more.empty() ? "" : ",", more);
}

inline const std::string tensor_input = R"({"kind":"tensor","shape":[-1]})";

inline Manifest read(const std::string& text) {
    auto m = Manifest::parse(text);
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    const auto again = Manifest::from_json(m->to_json());
    REQUIRE_MESSAGE(again.has_value(), (again ? "" : again.error().detail));
    CHECK(json::serialize(again->to_json()) == json::serialize(m->to_json())); // the normal form is one
    return *m;
}

struct Refused {
    std::string text, said;
};
inline void check_refused(const std::vector<Refused>& cases) {
    for (const auto& c : cases) {
        INFO(c.text);
        const auto m = Manifest::parse(c.text);
        REQUIRE(!m);
        CHECK(m.error().code == Code::unprocessable);
        CHECK_MESSAGE(m.error().detail.find(c.said) != std::string::npos, m.error().detail);
    }
}

inline std::string image(const std::string& members) { return manifest_of(R"({"kind":"image",)" + members + "}"); }
inline std::string text(const std::string& shape, const std::string& tokenizer) {
    return manifest_of(
        fmt::format(R"({{"kind":"text","datatype":"INT64","shape":{},"tokenizer":{}}})", shape, tokenizer));
}
inline std::string row(const std::string& shape, const std::string& columns) {
    return manifest_of(fmt::format(R"({{"kind":"row","shape":{},"columns":{}}})", shape, columns));
}

} // namespace millrace::values::test
