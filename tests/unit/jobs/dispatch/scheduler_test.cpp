#include "unit/jobs/dispatch/scheduler_world.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

TEST_CASE("no more run at once than there are slots") {
    SchedulerWorld world{5};
    world.push(20);
    CHECK(world.take(100).size() == 5);
    CHECK(world.take(100).empty());
    CHECK(world.scheduler.slots_taken() == 5);
    world.end(2);
    CHECK(world.take(100).size() == 2);
    CHECK(world.scheduler.slots_taken() == 5);
}

TEST_CASE("no more are taken than asked for") {
    SchedulerWorld world;
    world.push(20);
    CHECK(world.take(3).size() == 3);
    CHECK(world.take(0).empty());
    CHECK(world.take(100).size() == 17);
}

TEST_CASE("a kind at its limit leaves the slots to the others") {
    SchedulerWorld world{10};
    world.scheduler.add_kind("scarce", 2);
    world.push(20, "default", "scarce");
    world.push(20);
    const auto taken = world.take(100);
    CHECK(taken.size() == 10);
    CHECK(world.of_kind(taken, "scarce") == 2);
    CHECK(world.of_kind(taken, "echo") == 8);
}

TEST_CASE("a kind's limit counts over all queues and organisations") {
    SchedulerWorld world;
    world.scheduler.add_kind("scarce", 3);
    for (const std::uint8_t of : {1, 2}) {
        world.push(5, "default", "scarce", of);
        world.push(5, "other", "scarce", of);
    }
    CHECK(world.take(100).size() == 3);
}

TEST_CASE("a kind that nothing runs waits") {
    SchedulerWorld world;
    world.push(3, "default", "unheard_of");
    CHECK(world.take(100).empty());
    CHECK(world.scheduler.queue().queued() == 3);
}

TEST_CASE("a queue's concurrency is kept, and changed while it works") {
    SchedulerWorld world;
    world.set("narrow", {.concurrency = 2});
    world.push(20, "narrow");
    world.push(3);
    CHECK(world.take(100).size() == 5);
    world.set("narrow", {.concurrency = 4});
    CHECK(world.take(100).size() == 2);
    world.set("narrow", {.concurrency = 1}); // four run: no other begins until fewer than one do
    CHECK(world.take(100).empty());
    world.end_all();
    CHECK(world.take(100).size() == 1);
    world.set("narrow", {});
    CHECK(world.take(100).size() == 15);
}

TEST_CASE("queues of the same name in two organisations have their own limits") {
    SchedulerWorld world;
    world.set("narrow", {.concurrency = 1}, 1);
    world.push(5, "narrow", "echo", 1);
    world.push(5, "narrow", "echo", 2);
    CHECK(world.take(100).size() == 6);
}

TEST_CASE("a rate holds over time: a second's worth at once, then as it comes in") {
    for (const double rate : {0.5, 1.0, 7.0, 250.0}) {
        SchedulerWorld world;
        world.set("slow", {.rate = rate});
        world.push(20'000, "slow");
        std::size_t begun = 0;
        for (int tick = 0; tick <= 200; ++tick) {
            begun += world.take(100'000).size();
            world.end_all();
            const double allowed = std::max(1.0, rate) + rate * 0.1 * tick;
            CHECK(static_cast<double>(begun) <= allowed + 1e-6);
            CHECK(static_cast<double>(begun) >= allowed - 1.001);
            world.pass(100ms);
        }
    }
}

TEST_CASE("a rate saves up no more than a second's worth, nor a single job") {
    SchedulerWorld world;
    world.set("slow", {.rate = 3});
    world.push(100, "slow");
    world.take(100);
    world.pass(1h);
    CHECK(world.take(100).size() == 3);
    world.set("slow", {.rate = 0.01});
    world.pass(24h);
    CHECK(world.take(100).size() == 1);
}

TEST_CASE("whoever waits for a rate is told when to look again, and is not woken before or for nothing") {
    SchedulerWorld world;
    world.set("slow", {.rate = 2});
    world.push(10, "slow");
    CHECK(world.take(100).size() == 2);
    world.end_all();
    for (int i = 0; i < 5; ++i) {
        const auto wait = world.scheduler.next_change(world.now);
        REQUIRE(wait);
        CHECK(*wait > 0us);
        CHECK(*wait <= 500'001us);
        world.pass(*wait - 2us);
        CHECK(world.take(100).empty());
        world.pass(2us);
        CHECK(world.take(100).size() == 1);
        world.end_all();
    }
}

TEST_CASE("a queue that nobody works wakes nobody, whatever its rate") {
    SchedulerWorld world;
    world.set("outside", {.external = true, .rate = 1e6});
    world.push(10, "outside", "anything");
    CHECK_FALSE(world.scheduler.next_change(world.now));
    CHECK(world.take_external("outside", 1).size() == 1);
    world.pass(1s);
    CHECK_FALSE(world.scheduler.next_change(world.now));
}

TEST_CASE("a paused queue holds its jobs and no others") {
    SchedulerWorld world;
    world.push(3, "paused");
    world.push(3);
    world.pause("paused");
    CHECK(world.take(100).size() == 3);
    CHECK_FALSE(world.scheduler.next_change(world.now)); // until somebody resumes it
    world.pass(24h);
    CHECK(world.take(100).empty());
    world.set("paused", {});
    CHECK(world.take(100).size() == 3);
}

TEST_CASE("a pause ends by itself at its time") {
    SchedulerWorld world;
    world.push(3, "paused");
    world.pause("paused", world.now.wall + 90s);
    CHECK(world.take(100).empty());
    CHECK(world.scheduler.next_change(world.now) == 90s);
    world.pass(90s - 1us);
    CHECK(world.take(100).empty());
    world.pass(1us);
    CHECK(world.take(100).size() == 3);
    CHECK_FALSE(world.scheduler.next_change(world.now));
}

TEST_CASE("jobs of an external queue are taken by its workers alone") {
    SchedulerWorld world;
    world.set("outside", {.external = true});
    world.set("beyond", {.external = true});
    world.push(5, "outside", "anything");
    world.push(5, "beyond", "anything");
    world.push(2, "outside", "echo"); // a kind that runs here changes nothing
    world.push(1);
    CHECK(world.take(100).size() == 1);
    CHECK(world.take_external("outside", 4).size() == 4);
    CHECK(world.take_external("outside", 100).size() == 3);
    CHECK(world.take_external("default", 100).empty());
    CHECK(world.scheduler.slots_taken() == 1); // they take none here
}

TEST_CASE("an external queue has its own limits") {
    SchedulerWorld world;
    world.set("outside", {.external = true, .concurrency = 3, .rate = 5});
    world.push(20, "outside", "anything");
    CHECK(world.take_external("outside", 100).size() == 3);
    world.end_all();
    CHECK(world.take_external("outside", 100).size() == 2);
    world.end_all();
    CHECK(world.take_external("outside", 100).empty());
    world.pass(1s);
    CHECK(world.take_external("outside", 100).size() == 3);
    world.pause("outside");
    world.end_all();
    world.pass(1s);
    CHECK(world.take_external("outside", 100).empty());
}

TEST_CASE("what ran before a restart takes its place in the limits") {
    SchedulerWorld world;
    world.set("outside", {.external = true, .concurrency = 2});
    world.push(5, "outside", "anything");
    world.scheduler.resumed(world.lane("outside", "anything"), world.now);
    CHECK(world.take_external("outside", 100).size() == 1);
}

TEST_CASE("a scheduled job is taken when its time has come, and that is when to look again") {
    SchedulerWorld world;
    world.push_at(world.now.wall + 30s);
    CHECK(world.take(100).empty());
    CHECK(world.scheduler.next_change(world.now) == 30s);
    world.pass(30s);
    CHECK(world.take(100).size() == 1);
    CHECK_FALSE(world.scheduler.next_change(world.now));
}

TEST_CASE("an open breaker of a queue holds that queue, then lets one probe through at a time") {
    SchedulerWorld world;
    world.push(50, "flaky");
    world.push(1);
    world.take(10);
    CHECK(world.end_all(AttemptVerdict::failure).queue);
    CHECK(world.take(100).size() == 1); // of the other queue
    world.end_all();
    CHECK(world.scheduler.next_change(world.now) == 10s + 1us);
    world.pass(10s);
    for (int probe = 0; probe < 3; ++probe) {
        CHECK(world.take(100).size() == 1);
        CHECK(world.take(100).empty());
        const auto changed = world.end_all(AttemptVerdict::success);
        CHECK(changed.queue == (probe == 2));
    }
    CHECK(world.take(100).size() == 37);
}

TEST_CASE("an open breaker of a model holds the jobs of that model in every queue") {
    SchedulerWorld world;
    world.push(30, "default", "echo", 1, "broken");
    world.push(30, "other", "echo", 1, "broken");
    world.push(5, "other", "echo", 1, "sound");
    world.set("default", {.breaker = false});
    world.set("other", {.breaker = false});
    auto taken = world.take(20);
    std::erase_if(taken, [&](const Waiting& job) { return world.resource_of(job) != "broken"; });
    CHECK(taken.size() >= 10);
    world.end_all(AttemptVerdict::failure);
    for (const auto& job : world.take(100)) CHECK(world.resource_of(job) == "sound");
    world.end_all();
    world.pass(10s);
    const auto probes = world.take(100);
    REQUIRE(probes.size() == 1);
    CHECK(world.resource_of(probes[0]) == "broken");
    CHECK(world.end_all(AttemptVerdict::failure).resource);
    CHECK(world.scheduler.next_change(world.now) == 20s + 1us);
}

TEST_CASE("a queue whose breaker is switched off is not held, and begins closed when it is switched on") {
    SchedulerWorld world;
    world.push(60, "flaky");
    world.take(10);
    world.end_all(AttemptVerdict::failure);
    world.pass(10s);
    CHECK(world.take(100).size() == 1); // the probe, and it never ends
    world.set("flaky", {.breaker = false});
    CHECK(world.take(20).size() == 20);
    world.set("flaky", {});
    CHECK(world.take(100).size() == 29);
}

TEST_CASE("what was cancelled says nothing about its queue") {
    SchedulerWorld world;
    world.push(50);
    world.take(20);
    CHECK_FALSE(world.end_all(AttemptVerdict::nothing).queue);
    CHECK(world.take(100).size() == 30);
}
