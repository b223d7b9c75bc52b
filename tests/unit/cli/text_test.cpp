#include "cli/table.hpp"
#include "cli/text.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace millrace;
using namespace millrace::cli;

TEST_CASE("what came from elsewhere cannot drive the terminal") {
    CHECK(printable("a\x1b[2Jb\r\nc\x7f\xc2\x9b\xff") == "a?[2Jb  c??\xef\xbf\xbd");
    CHECK(printable("größe ✓") == "größe ✓");
    Table table{{{.title = "A"}}};
    table.row({"x\x1b]0;title\x07"});
    std::ostringstream out;
    table.print(out, {});
    CHECK(out.str().find('\x1b') == std::string::npos);
}

TEST_CASE("sizes and times read well at their edges") {
    CHECK(size_text(0) == "0 B");
    CHECK(size_text(1023) == "1023 B");
    CHECK(size_text(1024) == "1.0 KiB");
    CHECK(size_text(1024 * 1024 - 1) == "1.0 MiB");
    CHECK(size_text(3ULL << 30) == "3.0 GiB");
    CHECK(seconds_text(0.4213) == "0.42 s");
    CHECK(seconds_text(59.6) == "60 s");
    CHECK(seconds_text(600) == "10 min");
    CHECK(seconds_text(3 * 3600) == "3 h");
    CHECK(seconds_text(3 * 86400) == "3 days");
    CHECK(seconds_text(-1) == "0 s");
}

TEST_CASE("JSON is laid out for reading and stays JSON") {
    const auto value = json::parse(R"({"a":[1,2.5,"x"],"b":{},"c":[{"d":null}],"e":"ü\n"})");
    CHECK(pretty(value) == "{\n  \"a\": [1, 2.5, \"x\"],\n  \"b\": {},\n  \"c\": [\n    {\n      \"d\": null\n    }\n  "
                           "],\n  \"e\": \"ü\\n\"\n}");
    CHECK(json::parse(pretty(value)) == value);
}

TEST_CASE("an age is measured from an RFC 3339 member") {
    const json::value object{{"at", "2026-01-01T00:00:00Z"}, {"bad", 3}};
    const auto then = *Timestamp::parse("2026-01-01T00:00:00Z");
    CHECK(age(object, "at", then + std::chrono::seconds{90}) == "90 s");
    CHECK(age(object, "at", then - std::chrono::hours{5}) == "in 5 h");
    CHECK(age(object, "bad", then) == "-");
    CHECK(age(object, "absent", then) == "-");
}
