#include "inference/idle_watch.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

using namespace millrace;
using namespace millrace::inference;
using namespace std::chrono_literals;

TEST_CASE("only who has nothing to do for the whole window and computes all the same is guilty") {
    const Monotonic start{};
    IdleWatch watch{10s};
    CHECK_FALSE(watch.is_guilty(true, start, 100s));
    CHECK_FALSE(watch.is_guilty(true, start + 9s, 109s));
    CHECK(watch.is_guilty(true, start + 10s, 110s));
    CHECK_FALSE(watch.is_guilty(true, start + 20s, 110s + 900ms)); // less than a tenth
    CHECK_FALSE(watch.is_guilty(false, start + 25s, 119s)); // at work
    CHECK_FALSE(watch.is_guilty(true, start + 31s, 125s));  // a new window
    CHECK_FALSE(watch.is_guilty(true, start + 40s, 134s));
    CHECK_FALSE(watch.is_guilty(true, start + 41s, 1s)); // another process: its time begins anew
    CHECK_FALSE(watch.is_guilty(true, start + 50s, 10s));
    CHECK(watch.is_guilty(true, start + 51s, 11s));
}

TEST_CASE("the processor's time of a process is that of all its threads") {
    const auto before = processor_time(::getpid());
    CHECK(before > 0ns);
    volatile int turns = 0;
    while (processor_time(::getpid()) - before < 5ms) turns = turns + 1;
    CHECK(processor_time(4194304) == 0ns); // above the largest there can be
}
