#include "models/contest.hpp"
#include "models/rollback_rule.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::models;
using namespace std::chrono_literals;

namespace {

Counts counts(int good, int bad, double own_ms) {
    Counts out;
    for (int i = 0; i < good; ++i) out.add(Sample{false, own_ms * 10, own_ms, "7"});
    for (int i = 0; i < bad; ++i) out.add(Sample{.error = true});
    return out;
}

struct TestClock final : Clock {
    Timestamp time{1'700'000'000'000'000};
    Timestamp now() const override { return time; }
    Monotonic monotonic() const override { return Monotonic{std::chrono::microseconds{time.micros}}; }
};

} // namespace

TEST_CASE("a candidate is taken back for errors or for slowness, once there is enough to tell") {
    const RollbackPolicy policy{.min_samples = 100, .max_error_rate_increase = 0.05, .max_latency_ratio = 2};
    struct Case {
        const char* name;
        Counts production, candidate;
        const char* because; // empty: it goes on
    };
    const Case cases[] = {
        {"as good as production", counts(900, 0, 10), counts(100, 0, 10), ""},
        {"faster", counts(900, 0, 10), counts(100, 0, 1), ""},
        {"too few to tell", counts(900, 0, 10), counts(0, 99, 10), ""},
        {"every prediction fails", counts(900, 0, 10), counts(0, 100, 10), "100 of 100"},
        {"a few more errors than allowed", counts(900, 0, 10), counts(94, 6, 10), "6 of 100"},
        {"as many errors as allowed", counts(900, 0, 10), counts(95, 5, 10), ""},
        {"production fails as often", counts(50, 50, 10), counts(48, 52, 10), ""},
        {"errors, and production was not asked", counts(0, 0, 10), counts(50, 50, 10), "50 of 100"},
        {"three times as slow", counts(900, 0, 10), counts(100, 0, 30), "95th percentile"},
        {"less than twice as slow", counts(900, 0, 10), counts(100, 0, 15), ""},
        {"slow, but production is hardly known", counts(99, 0, 10), counts(100, 0, 30), ""},
        {"slower by less than a millisecond", counts(900, 0, 0.1), counts(100, 0, 0.9), ""},
        {"slow among its few successes", counts(900, 0, 10), counts(99, 1, 90), ""},
    };
    for (const auto& each : cases) {
        CAPTURE(each.name);
        const auto reason = reason_to_roll_back(policy, each.production, each.candidate);
        CHECK(reason.has_value() == (*each.because != 0));
        if (reason) CHECK(reason->find(each.because) != std::string::npos);
    }
}

TEST_CASE("a contest gives one verdict, and begins anew with each traffic") {
    TestClock clock;
    Contests contests{clock};
    const auto organization = OrganizationId::make();
    const auto version = [&](const char* number) { return inference::ModelVersion{organization, "digits", number, "", "", nullptr}; };
    Traffic traffic;
    traffic.production = 3;
    traffic.candidate = Candidate{4, 1000};
    traffic.rollback = RollbackPolicy{.min_samples = 10};
    const Sample failed{.error = true};

    contests.begin(organization, "digits", 7, traffic);
    for (int i = 0; i < 9; ++i) CHECK_FALSE(contests.observe(version("4"), failed).has_value());
    CHECK_FALSE(contests.observe(version("3"), failed).has_value()); // production is not on trial
    CHECK_FALSE(contests.observe(version("9"), failed).has_value());
    contests.begin(organization, "digits", 8, traffic);
    for (int i = 0; i < 9; ++i) CHECK_FALSE(contests.observe(version("4"), failed).has_value());
    const auto verdict = contests.observe(version("4"), failed);
    REQUIRE(verdict.has_value());
    CHECK(verdict->revision == 8);
    CHECK(verdict->candidate == 4);
    CHECK_FALSE(contests.observe(version("4"), failed).has_value());
    contests.reopen(*verdict);
    CHECK(contests.observe(version("4"), failed).has_value());

    SUBCASE("what is an hour old counts no more") {
        contests.begin(organization, "digits", 9, traffic);
        for (int i = 0; i < 9; ++i) CHECK_FALSE(contests.observe(version("4"), failed).has_value());
        clock.time = clock.time + 61min;
        CHECK_FALSE(contests.observe(version("4"), failed).has_value());
    }
    SUBCASE("nobody is judged where nobody asked for it") {
        traffic.rollback.reset();
        contests.begin(organization, "digits", 9, traffic);
        for (int i = 0; i < 20; ++i) CHECK_FALSE(contests.observe(version("4"), failed).has_value());
    }
}
