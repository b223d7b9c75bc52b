#include "base/utf8.hpp"

#include <doctest/doctest.h>

using namespace millrace;

TEST_CASE("UTF-8 is what RFC 3629 says, at any place of a text") {
    for (const std::string_view good :
         {"", "plain text, longer than eight bytes", "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC2\x80",
          "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
        CHECK(valid_utf8(good));
        CHECK(repaired_utf8(good) == good);
    }
    for (const std::string_view bad : {"\xFF", "\x80", "\xC0\xAF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                       "\xF5\x80\x80\x80", "\xE2\x82"})
        for (const std::string_view before : {"", "seven..", "eight...", "nine.....", "\xC3\xA4"}) {
            const auto text = std::string{before} + std::string{bad};
            CHECK_FALSE(valid_utf8(text));
            CHECK_FALSE(valid_utf8(text + " and more"));
            CHECK(valid_utf8(repaired_utf8(text)));
            CHECK(repaired_utf8(text).starts_with(before));
        }
}

TEST_CASE("a text is cut between characters") {
    CHECK(utf8_prefix("abc", 3) == "abc");
    CHECK(utf8_prefix("abc", 2) == "ab");
    CHECK(utf8_prefix("a\xE2\x82\xAC", 3) == "a");
    CHECK(utf8_prefix("\xE2\x82\xAC", 1) == "");
}

TEST_CASE("each byte that belongs to no sequence becomes U+FFFD") {
    CHECK(repaired_utf8("\xFF") == "\xEF\xBF\xBD");
    CHECK(repaired_utf8("\xED\xA0\x80").size() == 9);
    CHECK(repaired_utf8("a\xE2\x82z") == "a\xEF\xBF\xBD\xEF\xBF\xBDz");
}
