#include "base/unseen.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace millrace;

TEST_CASE("controls and characters that steer a terminal are unseen, letters of every script are not") {
    for (const char32_t c : {U'\x1b', U'\x7f', U'\x9b', U'\n', U'\u00ad', U'\u061c', U'\u200b', U'\u200e', U'\u2028',
                             U'\u2029', U'\u202e', U'\u2066', U'\ufeff', U'\U000e0041'})
        CHECK(is_unseen(c));
    for (const char32_t c :
         {U'a', U' ', U'\u00e9', U'\u0645', U'\u05d0', U'\u4e16', U'\U0001f600', U'\u200c', U'\u200d', U'\u0301'})
        CHECK_FALSE(is_unseen(c));
}

TEST_CASE("characters are read from one to four bytes") {
    CHECK(first_character("a").value == U'a');
    CHECK(first_character("\xc3\xa9x").value == U'\u00e9');
    CHECK(first_character("\xe2\x80\xae").value == U'\u202e');
    CHECK(first_character("\xf0\x9f\x98\x80").value == U'\U0001f600');
    CHECK(first_character("\xf0\x9f\x98\x80").length == 4);
    CHECK(first_character("\xff").length == 0);
    CHECK(first_character("").length == 0);
}

TEST_CASE("JSON for a terminal is the same value without one of them") {
    const std::string text = "{\"a\xe2\x80\xae\": \"x\x7f\xc2\x9b\xf3\xa0\x81\x81 \xc3\xa9\",\n \"b\": 1}";
    const auto seen = seen_json(text);
    CHECK(seen == "{\"a\\u202e\": \"x\\u007f\\u009b\\udb40\\udc41 \xc3\xa9\",\n \"b\": 1}");
    CHECK(boost::json::parse(seen) == boost::json::parse(text));
}
