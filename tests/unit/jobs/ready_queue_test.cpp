#include "jobs/ready_queue.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::jobs;

namespace {

const auto all_open = [](LaneIndex) { return true; };

Waiting job(LaneIndex lane, int priority, std::int64_t due) {
    return {JobId::make(), Timestamp{due}, lane, static_cast<std::uint8_t>(priority)};
}

} // namespace

TEST_CASE("a higher priority is served first, and first come first served within one") {
    ReadyQueue queue;
    const auto lane = queue.lane("default", "echo");
    const auto low = job(lane, 1, 10), first = job(lane, 5, 20), second = job(lane, 5, 30), high = job(lane, 9, 40);
    for (const auto& each : {low, first, second, high}) queue.push(each, Timestamp{100});
    CHECK(queue.pop(all_open)->id == high.id);
    CHECK(queue.pop(all_open)->id == first.id);
    CHECK(queue.pop(all_open)->id == second.id);
    CHECK(queue.pop(all_open)->id == low.id);
    CHECK_FALSE(queue.pop(all_open));
}

TEST_CASE("a job whose time has not come is not served until it has") {
    ReadyQueue queue;
    const auto lane = queue.lane("default", "echo");
    queue.push(job(lane, 5, 200), Timestamp{100});
    queue.release_due(Timestamp{199});
    CHECK_FALSE(queue.pop(all_open));
    CHECK(queue.next_due() == Timestamp{200});
    queue.release_due(Timestamp{200});
    CHECK(queue.pop(all_open));
    CHECK_FALSE(queue.next_due());
}

TEST_CASE("a kind at its limit holds up no other") {
    ReadyQueue queue;
    const auto full = queue.lane("default", "sleep");
    const auto free = queue.lane("default", "echo");
    queue.push(job(full, 9, 10), Timestamp{100});
    const auto other = job(free, 0, 20);
    queue.push(other, Timestamp{100});
    const auto served = queue.pop([&](LaneIndex lane) { return lane != full; });
    REQUIRE(served);
    CHECK(served->id == other.id);
    CHECK(queue.queued() == 1);
}

TEST_CASE("the position counts what is served before") {
    ReadyQueue queue;
    const auto lane = queue.lane("default", "echo");
    const auto other = queue.lane("other", "echo");
    queue.push(job(lane, 9, 10), Timestamp{100});
    queue.push(job(lane, 5, 20), Timestamp{100});
    queue.push(job(other, 5, 30), Timestamp{100});
    queue.push(job(lane, 4, 5), Timestamp{100});
    const auto mine = job(lane, 5, 40);
    queue.push(mine, Timestamp{100});
    CHECK(queue.position(mine) == 3);
}

TEST_CASE("counts follow what is pushed, released and popped") {
    ReadyQueue queue;
    const auto lane = queue.lane("default", "echo");
    queue.push(job(lane, 5, 10), Timestamp{0});
    queue.push(job(lane, 5, 0), Timestamp{0});
    CHECK(queue.queued() == 1);
    CHECK(queue.scheduled() == 1);
    queue.release_due(Timestamp{10});
    queue.pop(all_open);
    const auto counts = queue.counts();
    REQUIRE(counts.size() == 1);
    CHECK(counts[0].queued == 1);
    CHECK(counts[0].scheduled == 0);
}
