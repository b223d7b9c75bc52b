#include "config/toml.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::config;

namespace {
std::string refused(const std::string& text) {
    const auto entries = parse_toml(text);
    REQUIRE_FALSE(entries.has_value());
    return entries.error().detail;
}
} // namespace

TEST_CASE("sections, comments, strings, numbers and booleans are read with their lines") {
    const auto entries = parse_toml("\xef\xbb\xbf# top\r\n"
                                    "data = \"/srv/my data # 1, 2\" # a comment\r\n"
                                    "\r\n"
                                    "[http]\n"
                                    "  listen='127.0.0.1:80'\n"
                                    "io_threads = 1_0\n"
                                    "a.b = -1.5\n"
                                    "[log] # section\n"
                                    "quoted = \"a\\\"b\\\\c\\n\"\n"
                                    "on = true");
    REQUIRE(entries.has_value());
    REQUIRE(entries->size() == 6);
    const auto check = [&](std::size_t i, const char* key, const char* text, std::size_t line) {
        CHECK((*entries)[i].key == key);
        CHECK((*entries)[i].text == text);
        CHECK((*entries)[i].line == line);
    };
    check(0, "data", "/srv/my data # 1, 2", 2);
    check(1, "http.listen", "127.0.0.1:80", 5);
    check(2, "http.io_threads", "10", 6);
    check(3, "http.a.b", "-1.5", 7);
    check(4, "log.quoted", "a\"b\\c\n", 9);
    check(5, "log.on", "true", 10);
}

TEST_CASE("a list of strings is read on one line") {
    const auto entries = parse_toml("a = [\"x, ]\", 'y # z',\t\"\" ] # comment\nb=[]\n[s]\nc = [ 'one', ]\n");
    REQUIRE(entries.has_value());
    REQUIRE(entries->size() == 3);
    CHECK((*entries)[0].list == std::vector<std::string>{"x, ]", "y # z", ""});
    CHECK((*entries)[1].list == std::vector<std::string>{});
    CHECK((*entries)[2].list == std::vector<std::string>{"one"});
    CHECK((*entries)[2].key == "s.c");
}

TEST_CASE("what is not understood is an error with its line, never a guess") {
    CHECK(refused("a = 1\nnonsense\n").starts_with("line 2:"));
    CHECK(refused("a = word").find("quotes") != std::string::npos);
    CHECK(refused("a = 1.2.3.4:80").find("quotes") != std::string::npos);
    CHECK(refused("a = \"open").find("closing") != std::string::npos);
    CHECK(refused("a = 'open").find("closing") != std::string::npos);
    CHECK(refused("a = \"x\" y").find("follows") != std::string::npos);
    CHECK(refused("a = [1]").find("lists hold strings") != std::string::npos);
    CHECK(refused("a = [[\"x\"]]").find("lists hold strings") != std::string::npos);
    CHECK(refused("a = [\"x\" \"y\"]").find("commas") != std::string::npos);
    CHECK(refused("a = [,\"x\"]").find("lists hold strings") != std::string::npos);
    CHECK(refused("a = [\"x\",").find("closing ]") != std::string::npos);
    CHECK(refused("a = [\"x\" # y").find("closing ]") != std::string::npos);
    CHECK(refused("a = [\"x\"] y").find("follows") != std::string::npos);
    CHECK(refused("a = {b = 1}").find("inline tables") != std::string::npos);
    CHECK(refused("a = \"\"\"x\"\"\"").find("several lines") != std::string::npos);
    CHECK(refused("a =").find("missing") != std::string::npos);
    CHECK(refused("a = # x").find("missing") != std::string::npos);
    CHECK(refused("[a\n").find("section") != std::string::npos);
    CHECK(refused("[[a]]\n").find("section") != std::string::npos);
    CHECK(refused("[a] b = 1\n").find("section") != std::string::npos);
    CHECK(refused("= 1\n").starts_with("line 1:"));
    CHECK(refused("a = \"\\q\"").find("escape") != std::string::npos);
    CHECK(refused("a = -true").find("sign") != std::string::npos);
    CHECK(refused("a = 1_").find("quotes") != std::string::npos);
}

TEST_CASE("a key that comes twice is refused with both lines") {
    const auto detail = refused("[http]\na = 1\n[log]\n[http]\na = 2\n");
    CHECK(detail.find("line 5") != std::string::npos);
    CHECK(detail.find("line 2") != std::string::npos);
}
