#include "cli/text.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace millrace;
using namespace millrace::cli;

namespace {
std::string printed(const Table& table, std::size_t width) {
    std::ostringstream out;
    table.print(out, width);
    return out.str();
}
} // namespace

TEST_CASE("a table aligns its columns and leaves no blanks at line ends") {
    Table table{{{.title = "NAME"}, {.title = "N", .align = Table::Align::right}, {.title = "NOTE"}}};
    table.row({"größe", "7", ""});
    table.row({"x", "1234", "last"});
    CHECK(printed(table, 0) == "NAME      N  NOTE\n"
                               "größe     7\n"
                               "x      1234  last\n");
}

TEST_CASE("too narrow a terminal cuts elastic columns first and never overflows") {
    Table table{{{.title = "ID"}, {.title = "NOTE", .elastic = true}}};
    table.row({"0123456789", "a long explanation of what went wrong"});
    CHECK(printed(table, 30) == "ID          NOTE\n"
                                "0123456789  a long explanatio…\n");
    std::istringstream lines{printed(table, 12)};
    for (std::string line; std::getline(lines, line);) CHECK(columns(line) <= 12);
}

TEST_CASE("what came from elsewhere cannot drive the terminal") {
    CHECK(printable("a\x1b[2Jb\r\nc\x7f\xc2\x9b\xff") == "a?[2Jb  c??\xef\xbf\xbd");
    CHECK(printable("größe ✓") == "größe ✓");
    Table table{{{.title = "A"}}};
    table.row({"x\x1b]0;title\x07"});
    CHECK(printed(table, 0).find('\x1b') == std::string::npos);
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
