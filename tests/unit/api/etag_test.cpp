#include "api/etag.hpp"

#include <doctest/doctest.h>

using millrace::api::etag_matches;

TEST_CASE("an answer is unchanged when its tag is named, alone or among others") {
    CHECK(etag_matches("\"a\"", "\"a\""));
    CHECK(etag_matches(" W/\"a\" ", "\"a\""));
    CHECK(etag_matches("\"b\", \"a\"", "\"a\""));
    CHECK(etag_matches("*", "\"a\""));
}

TEST_CASE("an answer is sent when its tag is not named") {
    CHECK_FALSE(etag_matches("", "\"a\""));
    CHECK_FALSE(etag_matches("\"b\"", "\"a\""));
    CHECK_FALSE(etag_matches("a", "\"a\""));
    CHECK_FALSE(etag_matches("\"ba\", \"ab\"", "\"a\""));
    CHECK_FALSE(etag_matches(",,", "\"a\""));
}
