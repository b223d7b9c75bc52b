#include "values/breaker.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::values;
using namespace std::chrono_literals;
using State = BreakerView::State;

namespace {

struct Watched {
    Breaker breaker;
    Monotonic now{1000s};

    State state() const { return breaker.view(now).state; }
    void record(int successes, int failures) {
        for (int i = 0; i < successes; ++i) breaker.record(true, now);
        for (int i = 0; i < failures; ++i) breaker.record(false, now);
    }
    void open() {
        record(0, 10);
        REQUIRE(state() == State::open);
    }
    // One attempt, if it may begin.
    bool probe(bool success) {
        if (!breaker.allows(now)) return false;
        breaker.began(now);
        breaker.record(success, now);
        return true;
    }
};

} // namespace

TEST_CASE("a breaker opens when more than half of at least ten attempts failed") {
    for (int attempts = 1; attempts <= 30; ++attempts) {
        for (int failures = 0; failures <= attempts; ++failures) {
            Watched watched;
            watched.record(attempts - failures, failures); // the failures last: it opens at the earliest reason
            bool expected = false;
            for (int failed = 1; failed <= failures; ++failed)
                expected =
                    expected || (attempts - failures + failed >= 10 && 2 * failed > attempts - failures + failed);
            CHECK((watched.state() == State::open) == expected);
        }
    }
}

TEST_CASE("nine failures are not enough, and successes do not open it") {
    Watched watched;
    watched.record(0, 9);
    CHECK(watched.state() == State::closed);
    CHECK_FALSE(watched.breaker.record(true, watched.now));
    CHECK(watched.state() == State::closed);
    CHECK(watched.breaker.record(false, watched.now)); // ten of eleven
    CHECK(watched.state() == State::open);
}

TEST_CASE("failures older than a minute are forgotten") {
    Watched watched;
    watched.record(0, 9);
    watched.now += 61s;
    watched.record(0, 9);
    CHECK(watched.state() == State::closed);
    CHECK(watched.breaker.view(watched.now).failures == 9);
    watched.now += 30s;
    watched.record(0, 1); // the nine are still within the minute
    CHECK(watched.state() == State::open);
}

TEST_CASE("a steady trickle of failures below the rate never opens it") {
    Watched watched;
    for (int i = 0; i < 5000; ++i) {
        watched.record(1, 1);
        watched.now += 700ms;
        REQUIRE(watched.state() == State::closed);
    }
}

TEST_CASE("an open breaker refuses for ten seconds, and tells how long") {
    Watched watched;
    watched.open();
    CHECK(watched.breaker.refuses(watched.now) == 10s);
    CHECK_FALSE(watched.breaker.allows(watched.now));
    CHECK(watched.breaker.next_probe() == watched.now + 10s);
    watched.now += 9999ms;
    CHECK(watched.breaker.refuses(watched.now) == 1ms);
    CHECK_FALSE(watched.breaker.allows(watched.now));
    watched.now += 1ms;
    CHECK_FALSE(watched.breaker.refuses(watched.now));
    CHECK(watched.state() == State::half_open);
    CHECK(watched.breaker.allows(watched.now));
}

TEST_CASE("half open lets one probe through at a time") {
    Watched watched;
    watched.open();
    watched.now += 10s;
    watched.breaker.began(watched.now);
    CHECK_FALSE(watched.breaker.allows(watched.now));
    watched.now += 1h;
    CHECK_FALSE(watched.breaker.allows(watched.now)); // it still runs
    watched.breaker.record(true, watched.now);
    CHECK(watched.breaker.allows(watched.now));
}

TEST_CASE("three probes in a row close it, with nothing remembered") {
    Watched watched;
    watched.open();
    watched.now += 10s;
    CHECK(watched.probe(true));
    CHECK(watched.probe(true));
    CHECK(watched.state() == State::half_open);
    watched.breaker.began(watched.now);
    CHECK(watched.breaker.record(true, watched.now)); // the state changed
    CHECK(watched.state() == State::closed);
    CHECK_FALSE(watched.breaker.next_probe());
    watched.record(0, 9);
    CHECK(watched.state() == State::closed);
    watched.record(0, 1);
    CHECK(watched.breaker.refuses(watched.now) == 10s); // as the first time
}

TEST_CASE("a failed probe opens it for twice as long, up to ten minutes") {
    Watched watched;
    watched.open();
    auto expected = 10s;
    for (int i = 0; i < 10; ++i) {
        watched.now += expected;
        CHECK(watched.probe(true)); // one success before does not help
        CHECK(watched.probe(false));
        expected = std::min<std::chrono::seconds>(2 * expected, 600s);
        CHECK(watched.breaker.refuses(watched.now) == expected);
    }
    CHECK(expected == 600s);
}

TEST_CASE("a probe that tells nothing makes room for another") {
    Watched watched;
    watched.open();
    watched.now += 10s;
    watched.breaker.began(watched.now);
    watched.breaker.gave_up(); // cancelled
    CHECK(watched.breaker.allows(watched.now));
    CHECK(watched.state() == State::half_open);
}

TEST_CASE("what began before it opened does not decide while it is open") {
    Watched watched;
    watched.open();
    const auto until = watched.breaker.next_probe();
    watched.now += 3s;
    CHECK_FALSE(watched.breaker.record(false, watched.now));
    CHECK_FALSE(watched.breaker.record(true, watched.now));
    watched.breaker.gave_up();
    CHECK(watched.breaker.next_probe() == until);
    watched.now += 7s;
    watched.breaker.record(false, watched.now); // and no probe runs yet
    CHECK(watched.state() == State::half_open);
}

TEST_CASE("giving up while closed changes nothing") {
    Watched watched;
    for (int i = 0; i < 100; ++i) {
        watched.breaker.began(watched.now);
        watched.breaker.gave_up();
    }
    CHECK(watched.state() == State::closed);
    watched.open();
    watched.now += 10s;
    CHECK(watched.breaker.allows(watched.now));
}

TEST_CASE("a reset closes it") {
    Watched watched;
    watched.open();
    watched.breaker.reset();
    CHECK(watched.state() == State::closed);
    CHECK(watched.breaker.allows(watched.now));
    CHECK_FALSE(watched.breaker.refuses(watched.now));
    CHECK(watched.breaker.view(watched.now).attempts == 0);
}
