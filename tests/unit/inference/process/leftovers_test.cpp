// What a model leaves behind, with beats and times as values; the workers that do are in hostile_test.cpp.
#include "inference/process/leftovers.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

using namespace millrace;
using namespace millrace::inference;
using namespace std::chrono_literals;
using Verdict = TaskWatch::Verdict;

TEST_CASE("only a worker that has nothing to do for the whole window and computes all the same is guilty") {
    const Monotonic start{};
    QuietWatch watch{10s};
    const Work none{7, 7}, some{6, 7}, loading{7, 7, true};
    CHECK_FALSE(watch.is_guilty(none, 1, start, 100s));
    CHECK_FALSE(watch.is_guilty(none, 1, start + 9s, 109s));
    CHECK(watch.is_guilty(none, 1, start + 10s, 110s));
    CHECK_FALSE(watch.is_guilty(none, 1, start + 20s, 110s + 900ms)); // less than a tenth
    CHECK_FALSE(watch.is_guilty(some, 2, start + 25s, 119s));         // at work
    CHECK_FALSE(watch.is_guilty(none, 3, start + 31s, 125s));         // a new window
    CHECK_FALSE(watch.is_guilty(none, 3, start + 40s, 134s));
    CHECK_FALSE(watch.is_guilty(none, 3, start + 41s, 1s)); // another process: its time begins anew
    CHECK_FALSE(watch.is_guilty(none, 3, start + 50s, 10s));
    CHECK_FALSE(watch.is_guilty(loading, 3, start + 51s, 11s));
    CHECK_FALSE(watch.is_guilty(none, 3, start + 60s, 20s));
    CHECK(watch.is_guilty(none, 3, start + 70s, 30s));
}

TEST_CASE("a worker that was at work between two looks is not idle, though each look finds it so") {
    QuietWatch watch{10s};
    TaskWatch tasks{10};
    for (int second = 0; second < 1000; ++second) {
        const auto activity = static_cast<std::uint64_t>(300 * second);
        const Work none{activity, activity};
        CHECK_FALSE(watch.is_guilty(none, activity, Monotonic{} + second * 1s, second * 900ms));
        CHECK(tasks.beat(none, activity, true) != Verdict::guilty);
        tasks.answered();
    }
}

TEST_CASE("a task that is never over is found while others work, by the question that nobody answers") {
    TaskWatch watch{3};
    std::uint64_t batch = 10;
    CHECK(watch.beat({batch - 1, batch}, 1, true) == Verdict::ask); // a pass is running
    for (int beat = 0; beat < 20; ++beat)
        CHECK(watch.beat({9, batch + 5}, 2, true) == Verdict::innocent); // it still is: its tasks may be there
    CHECK(watch.beat({11, 20}, 3, true) == Verdict::innocent);
    CHECK(watch.beat({12, 20}, 4, true) == Verdict::innocent);
    CHECK(watch.beat({13, 20, true}, 5, true) == Verdict::innocent); // a load: from the beginning
    CHECK(watch.beat({14, 20}, 6, true) == Verdict::innocent);
    CHECK(watch.beat({15, 20}, 7, true) == Verdict::innocent);
    CHECK(watch.beat({15, 20}, 7, false) == Verdict::innocent); // it did not run at all, or said nothing
    CHECK(watch.beat({15, 20}, 7, true) == Verdict::guilty);
}

TEST_CASE("what was answered is asked again only after something has run") {
    TaskWatch watch{3};
    CHECK(watch.beat({1, 1}, 0, true) == Verdict::innocent);
    CHECK(watch.beat({1, 2}, 1, true) == Verdict::ask);
    watch.answered();
    for (int beat = 0; beat < 10; ++beat) CHECK(watch.beat({2, 2}, 1, true) == Verdict::innocent);
    CHECK(watch.beat({2, 3}, 2, true) == Verdict::ask);
}

TEST_CASE("the processor's time of a process is that of all its threads") {
    const auto before = processor_time(::getpid());
    CHECK(before > 0ns);
    volatile int turns = 0;
    while (processor_time(::getpid()) - before < 5ms) turns = turns + 1;
    CHECK(processor_time(4194304) == 0ns); // above the largest there can be
}
