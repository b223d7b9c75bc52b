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

TEST_CASE("whoever fails from many addresses locks out nobody else") {
    LoginLimiter limiter{20};
    const Monotonic now{1h};
    for (std::size_t i = 0; i < 2 * LoginLimiter::max_names; ++i)
        for (int k = 0; k < 20; ++k) limiter.count("address " + std::to_string(i), now);
    CHECK(limiter.wait("another", now) == 0s);
}

TEST_CASE("past the most names, the one that was counted longest ago is forgotten") {
    LoginLimiter limiter{1};
    const Monotonic now{1h};
    for (std::size_t i = 0; i < LoginLimiter::max_names; ++i) limiter.count("address " + std::to_string(i), now);
    limiter.count("address 0", now + 1s);
    limiter.count("another", now + 1s);
    CHECK(limiter.wait("address 0", now + 1s) > 0s);
    CHECK(limiter.wait("address 1", now + 1s) == 0s);
    CHECK(limiter.wait("address 2", now + 1s) > 0s);
    CHECK(limiter.wait("another", now + 1s) > 0s);
}

TEST_CASE("names whose minute is over leave no trace") {
    LoginLimiter limiter{1};
    for (std::size_t i = 0; i < LoginLimiter::max_names; ++i)
        limiter.count("address " + std::to_string(i), Monotonic{1h});
    for (int i = 0; i < 2; ++i) limiter.count("later " + std::to_string(i), Monotonic{1h + 61s});
    CHECK(limiter.wait("later 0", Monotonic{1h + 61s}) > 0s);
    CHECK(limiter.wait("address 9999", Monotonic{1h + 61s}) == 0s);
}
