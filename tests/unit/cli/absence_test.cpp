#include "cli/absence.hpp"

#include <doctest/doctest.h>

using namespace millrace::cli;

namespace {

const auto there = [] { return 7; };
const auto away = []() -> int { throw Failure{unreachable, "cannot reach the daemon\n  start one"}; };
const auto starting = []() -> int { throw Failure{failed, "Unavailable: it is starting", 503}; };
const auto refused = []() -> int { throw Failure{failed, "Not found", 404}; };

} // namespace

TEST_CASE("a daemon that was never there is no absence") {
    Absence absence;
    CHECK_THROWS_AS(absence.bridge(away), Failure);
    CHECK_THROWS_AS(absence.bridge(starting), Failure);
}

TEST_CASE("one that was there is waited for, and what is said of it is one line") {
    Absence absence;
    CHECK(absence.bridge(there) == 7);
    CHECK_FALSE(absence.bridge(away).has_value());
    CHECK(absence.problem() == "cannot reach the daemon");
    CHECK_FALSE(absence.bridge(starting).has_value());
    CHECK(absence.bridge(there) == 7);
    CHECK(absence.problem().empty());
}

TEST_CASE("a refusal is passed on at once") {
    Absence absence;
    CHECK(absence.bridge(there) == 7);
    CHECK_THROWS_AS(absence.bridge(refused), Failure);
}
