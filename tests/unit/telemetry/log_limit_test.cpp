#include "telemetry/log_limit.hpp"

#include <doctest/doctest.h>

using namespace millrace::telemetry;
using namespace std::chrono_literals;

TEST_CASE("so many lines a second are written, and the next says how many were left out") {
    LogLimit limit{3};
    const LogLimit::Time start{1h};
    for (int i = 0; i < 3; ++i) {
        const auto line = limit.ask(start + i * 1ms);
        REQUIRE(line);
        CHECK(line->left_out == 0);
    }
    for (int i = 0; i < 1000; ++i) CHECK_FALSE(limit.ask(start + 999ms));
    CHECK(limit.ask(start + 1s)->left_out == 1000);
    CHECK(limit.ask(start + 1s)->left_out == 0);
    CHECK(limit.ask(start + 1h)->left_out == 0);
}
