#include "models/traffic/contest.hpp"
#include "models/traffic/rollback_rule.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

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

Counts sum(Counts a, const Counts& b) {
    a.add(b);
    return a;
}

struct TestClock final : Clock {
    Timestamp time{1'700'000'000'000'000};
    Timestamp now() const override { return time; }
    Monotonic monotonic() const override { return Monotonic{std::chrono::microseconds{time.micros}}; }
};

struct Played {
    bool out = false;
    int routed = 0; // to the candidate, until the verdict
};

// Requests one after the other: `share` of them go to the candidate. What a version makes of one is asked of it.
template <class Production, class Candidate>
Played play(unsigned seed, double share, int most, const RollbackPolicy& policy, Production production,
            Candidate candidate) {
    std::mt19937 dice{seed};
    std::bernoulli_distribution to_candidate{share};
    Counts of_production, of_candidate;
    Played played;
    while (played.routed < most) {
        if (!to_candidate(dice)) {
            of_production.add(production(dice));
            continue;
        }
        ++played.routed;
        of_candidate.add(candidate(dice));
        if (reason_to_roll_back(policy, of_production, of_candidate)) return {true, played.routed};
    }
    return played;
}

auto fails(double rate) {
    return [rate](std::mt19937& dice) {
        return std::bernoulli_distribution{rate}(dice) ? Sample{.error = true} : Sample{false, 20, 10, ""};
    };
}

// Log-normal, as times are.
auto takes(double ms, double spread) {
    return [ms, spread](std::mt19937& dice) {
        const double own = ms * std::exp(std::normal_distribution{0.0, spread}(dice));
        return Sample{false, own * 2, own, ""};
    };
}

} // namespace

TEST_CASE("simulated: whatever a candidate's error rate from 3% on, it is out as soon as it is judged") {
    const RollbackPolicy policy;
    for (const double share : {0.05, 0.5, 0.9, 1.0})
        for (int percent = 3; percent <= 100; ++percent)
            for (unsigned seed = 0; seed < 10; ++seed) {
                int turn = static_cast<int>(seed);
                // Exactly so many of each hundred fail, spread evenly.
                const auto evenly = [&turn, percent](std::mt19937&) {
                    ++turn;
                    return turn * percent / 100 > (turn - 1) * percent / 100 ? Sample{.error = true}
                                                                             : Sample{false, 20, 10, ""};
                };
                const auto played = play(seed, share, 200, policy, fails(0), evenly);
                CAPTURE(share);
                CAPTURE(percent);
                REQUIRE(played.out);
                REQUIRE(played.routed == 100);
            }
}

TEST_CASE("simulated: errors by chance are found, too, soon after") {
    const RollbackPolicy policy;
    for (const double rate : {0.03, 0.05, 0.08, 0.25, 0.5, 0.9}) {
        int late = 0;
        for (unsigned seed = 0; seed < 100; ++seed) late += !play(seed, 0.2, 400, policy, fails(0), fails(rate)).out;
        CAPTURE(rate);
        CHECK(late <= (rate < 0.05 ? 10 : 0));
    }
}

TEST_CASE("simulated: of two equal versions none is taken back") {
    const RollbackPolicy policy;
    // With more of the traffic than that a candidate leaves production too little for its rate to be known.
    for (const double share : {0.05, 0.5})
        for (const double rate : {0.0, 0.001, 0.05, 0.3, 0.7, 1.0}) {
            int wrongly = 0;
            for (unsigned seed = 0; seed < 60; ++seed)
                wrongly += play(seed, share, 400, policy, fails(rate), fails(rate)).out;
            CAPTURE(share);
            CAPTURE(rate);
            CHECK(wrongly <= (rate == 0.05 ? 4 : rate == 0.3 || rate == 0.7 ? 1 : 0));
        }
    for (const double spread : {0.05, 0.3, 0.6})
        for (const double share : {0.05, 0.5, 0.9}) {
            int wrongly = 0;
            for (unsigned seed = 0; seed < 60; ++seed)
                wrongly += play(seed, share, 300, policy, takes(10, spread), takes(10, spread)).out;
            CAPTURE(share);
            CAPTURE(spread);
            CHECK(wrongly <= (share > 0.8 ? 1 : 0));
        }
}

TEST_CASE("simulated: a slow candidate is out as soon as it is judged") {
    const RollbackPolicy policy;
    for (const double times : {2.5, 4.0, 20.0, 1000.0})
        for (const double share : {0.05, 0.5, 0.75})
            for (unsigned seed = 0; seed < 20; ++seed) {
                const auto played = play(seed, share, 200, policy, takes(10, 0.05), takes(10 * times, 0.05));
                CAPTURE(times);
                CAPTURE(share);
                REQUIRE(played.out);
                REQUIRE(played.routed == 100);
            }
}

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
        {"slow, and production has little to do", counts(10, 0, 10), counts(100, 0, 30), "95th percentile"},
        {"slow, but production is hardly known", counts(9, 0, 10), counts(100, 0, 30), ""},
        {"slower by less than a millisecond", counts(900, 0, 0.1), counts(100, 0, 0.9), ""},
        {"slow, and one of them failed", counts(900, 0, 10), counts(99, 1, 90), "95th percentile"},
        {"a few are slow", counts(900, 0, 10), sum(counts(91, 0, 10), counts(9, 0, 90)), ""},
        {"a tenth of them is slow", counts(900, 0, 10), sum(counts(89, 0, 10), counts(11, 0, 90)), "95th percentile"},
        {"slow among the few that succeeded", counts(900, 900, 10), sum(counts(40, 60, 90), {}), ""},
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
    const auto version = [&](const char* number) {
        return inference::ModelVersion{organization, "digits", number, "", "", nullptr};
    };
    Traffic traffic;
    traffic.production = 3;
    traffic.candidate = Candidate{4, 1000};
    traffic.rollback = RollbackPolicy{.min_samples = 10};
    const Sample failed{.error = true};

    CHECK_FALSE(contests.has_lost(organization, "digits", 4));
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
    CHECK(contests.has_lost(organization, "digits", 4));
    CHECK_FALSE(contests.observe(version("4"), failed).has_value());
    contests.reopen(*verdict); // it could not be carried out: it has lost all the same, and that is told again
    CHECK(contests.has_lost(organization, "digits", 4));
    CHECK_FALSE(contests.observe(version("3"), failed).has_value());
    clock.time = clock.time + 1s;
    CHECK(contests.observe(version("3"), Sample{}).has_value());

    SUBCASE("what is an hour old counts no more") {
        contests.begin(organization, "digits", 9, traffic);
        for (int i = 0; i < 9; ++i) CHECK_FALSE(contests.observe(version("4"), failed).has_value());
        clock.time = clock.time + 61min;
        CHECK_FALSE(contests.observe(version("4"), failed).has_value());
    }
    SUBCASE("what production did before stands in for it while it has little to do") {
        traffic.candidate = Candidate{4, 10'000};
        const Sample quick{false, 10, 5, ""}, slow{false, 90, 80, ""};
        contests.begin(organization, "other", 1, Traffic{3, {}, {}, {}, {}});
        const auto other = [&](const char* number) {
            return inference::ModelVersion{organization, "other", number, "", "", nullptr};
        };
        for (int i = 0; i < 30; ++i) CHECK_FALSE(contests.observe(other("3"), quick).has_value());
        contests.begin(organization, "other", 2, traffic);
        for (int i = 0; i < 9; ++i) CHECK_FALSE(contests.observe(other("4"), slow).has_value());
        CHECK(contests.observe(other("4"), slow).has_value());
    }
    SUBCASE("what was stored of it is judged with the rest") {
        contests.begin(organization, "digits", 9, traffic);
        for (int i = 0; i < 6; ++i) CHECK_FALSE(contests.observe(version("4"), failed).has_value());
        const auto rows = contests.take_changed();
        CHECK(contests.take_changed().empty());
        Contests next{clock}; // another life
        next.begin(organization, "digits", 9, traffic);
        for (const auto& row : rows) next.restore(row);
        CHECK(next.review().empty());
        for (int i = 0; i < 3; ++i) CHECK_FALSE(next.observe(version("4"), failed).has_value());
        CHECK(next.observe(version("4"), failed).has_value());

        Contests third{clock}; // the verdict of a life that ended before it was carried out
        third.begin(organization, "digits", 9, traffic);
        for (const auto& row : next.take_changed()) third.restore(row);
        const auto left = third.review();
        REQUIRE(left.size() == 1);
        CHECK(left[0].revision == 9);
        CHECK(third.has_lost(organization, "digits", 4));

        Contests another{clock}; // of another traffic
        another.begin(organization, "digits", 10, traffic);
        for (const auto& row : rows) another.restore(row);
        for (int i = 0; i < 9; ++i) CHECK_FALSE(another.observe(version("4"), failed).has_value());
    }
    SUBCASE("many predictions on trial ask to be stored before the second is over") {
        traffic.rollback = RollbackPolicy{.min_samples = 1000};
        contests.begin(organization, "digits", 9, traffic);
        for (int i = 0; i < Contests::most_unsaved - 1; ++i) contests.observe(version("4"), Sample{});
        CHECK_FALSE(contests.save_is_due());
        contests.observe(version("4"), Sample{});
        CHECK(contests.save_is_due());
        CHECK_FALSE(contests.save_is_due());
        const auto rows = contests.take_changed();
        CHECK(rows.size() == 2); // the candidate's minute, and what production did before
        contests.put_back(rows);
        CHECK(contests.take_changed().size() == 2);
    }
    SUBCASE("nobody is judged where nobody asked for it") {
        traffic.rollback.reset();
        contests.begin(organization, "digits", 9, traffic);
        for (int i = 0; i < 20; ++i) CHECK_FALSE(contests.observe(version("4"), failed).has_value());
    }
}
