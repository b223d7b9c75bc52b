#include "api/idempotency.hpp"
#include "api/prefer.hpp"

#include <doctest/doctest.h>

using namespace millrace::api;

TEST_CASE("an idempotency key is bare or quoted") {
    CHECK(idempotency_key("a b") == "a b");
    CHECK(idempotency_key("\"a b\"") == "a b");
    CHECK(idempotency_key("\"") == "\"");
    CHECK_FALSE(idempotency_key(""));
    CHECK_FALSE(idempotency_key("\"\""));
    CHECK(idempotency_key(std::string(255, 'x')));
    CHECK_FALSE(idempotency_key(std::string(256, 'x')));
}

TEST_CASE("a wait is preferred among other preferences, and is a minute at most") {
    CHECK(preferred_wait("wait=5") == 5);
    CHECK(preferred_wait("respond-async, wait=7") == 7);
    CHECK(preferred_wait("wait=3600") == longest_wait_seconds);
    CHECK(preferred_wait("wait=0") == 0);
    for (const auto* none : {"", "respond-async", "wait", "wait=", "wait=x", "wait=-1"})
        CHECK_FALSE(preferred_wait(none));
}
