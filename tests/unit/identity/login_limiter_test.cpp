#include "identity/login_limiter.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::identity;
using namespace std::chrono_literals;

TEST_CASE("twenty failures in a minute close an address until the first is a minute old") {
    LoginLimiter limiter{20};
    const Monotonic start{1h};
    for (int i = 0; i < 20; ++i) {
        CHECK(limiter.wait("a", start + i * 1s) == 0s);
        limiter.count("a", start + i * 1s);
    }
    CHECK(limiter.wait("a", start + 20s) == 40s);
    CHECK(limiter.wait("b", start + 20s) == 0s);
    CHECK(limiter.wait("a", start + 59s) == 1s);
    CHECK(limiter.wait("a", start + 60s) == 0s);
}

TEST_CASE("many addresses cannot fill the memory, and the ones that do not fit share a count") {
    LoginLimiter limiter{20};
    const Monotonic now{1h};
    for (std::size_t i = 0; i < LoginLimiter::max_names; ++i) limiter.count("address " + std::to_string(i), now);
    for (int i = 0; i < 20; ++i) limiter.count("new " + std::to_string(i), now);
    CHECK(limiter.wait("another", now) == 60s);
    CHECK(limiter.wait("address 5", now) == 0s);
    limiter.count("later", now + 61s); // the old ones are forgotten
    CHECK(limiter.wait("another", now + 61s) == 0s);
}
