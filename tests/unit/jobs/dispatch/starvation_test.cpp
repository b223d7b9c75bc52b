// Priorities are strict, and yet nothing starves; and what ages is who gets nothing, not who has many jobs.
#include "unit/jobs/dispatch/waiting_jobs.hpp"

#include <algorithm>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

// One job is served each second, while the urgent never cease to come.
struct Saturated {
    QueueTable table;
    ReadyQueue ready{60s};
    std::uint32_t made = 0;
    int second = 0;

    Now now() const { return at(std::chrono::seconds{second}); }
    JobId push(unsigned priority, std::string_view kind = "echo", std::uint8_t of = 1, std::uint8_t by = 1) {
        const auto lane = ready.lane(table.queue(organization(of), "default"), kind, nullptr);
        const auto id = job_id(++made);
        ready.push({id, now().wall, lane, priority & 0xF, ready.owners().find_or_add(organization(of), key(by))},
                   now());
        return id;
    }
    Waiting serve(const ReadyQueue::Open& open = all_open) {
        ++second;
        return *ready.pop(open, now());
    }
};

} // namespace

TEST_CASE("a job of every priority is served within the ageing of the levels above it, while the urgent never cease") {
    for (const bool same_kind : {true, false}) {
        for (unsigned priority = 0; priority < 9; ++priority) {
            Saturated world;
            for (int i = 0; i < 5; ++i) world.push(9);
            const auto patient = world.push(priority, same_kind ? "echo" : "sleep");
            int waited = 0;
            for (; waited < 3600; ++waited) {
                world.push(9);
                if (world.serve().id == patient) break;
            }
            CHECK(waited >= 60 * (9 - static_cast<int>(priority)) - 1); // strict until then
            CHECK(waited <= 60 * (9 - static_cast<int>(priority)) + 1);
        }
    }
}

TEST_CASE("a line that came up from below is served once and falls back") {
    Saturated world;
    for (int i = 0; i < 100; ++i) world.push(4);
    int of_low = 0;
    for (int i = 0; i < 6000; ++i) {
        world.push(5);
        of_low += world.serve().priority == 4;
    }
    CHECK(of_low >= 6000 / 61 - 1); // one job for each minute
    CHECK(of_low <= 6000 / 60 + 1);
}

TEST_CASE("every level gets something while all of them are full") {
    Saturated world;
    std::array<int, 10> served{};
    for (unsigned priority = 0; priority < 10; ++priority)
        for (int i = 0; i < 10'000; ++i) world.push(priority);
    for (int i = 0; i < 8000; ++i) ++served[world.serve().priority];
    for (std::size_t priority = 0; priority < 9; ++priority) CHECK(served[priority] >= 8000 / 60 / 10);
    CHECK(served[9] > 5000);
}

TEST_CASE("an old backlog gives no priority over an organisation that has only now come") {
    Saturated world;
    for (int i = 0; i < 5000; ++i) world.push(5, "echo", 1);
    for (int i = 0; i < 1000; ++i) world.serve(); // the oldest has waited for a quarter of an hour
    const auto newcomer = world.push(5, "echo", 2);
    const auto first = world.serve(), second = world.serve();
    CHECK((first.id == newcomer || second.id == newcomer));
}

TEST_CASE("an old backlog does not pass over a higher priority") {
    Saturated world;
    for (int i = 0; i < 5000; ++i) world.push(5);
    for (int i = 0; i < 1000; ++i) world.serve();
    const auto urgent = world.push(6);
    CHECK(world.serve().id == urgent);
}

TEST_CASE("a queue that was closed for long is not served alone when it opens") {
    Saturated world;
    bool closed = true;
    const ReadyQueue::Open open = [&](const ReadyQueue::Lane& lane) { return !closed || lane.kind != "held"; };
    for (int i = 0; i < 2000; ++i) world.push(5, "held", 2);
    for (int i = 0; i < 2000; ++i) world.push(5, "echo", 1);
    for (int i = 0; i < 1000; ++i) CHECK(world.serve(open).owner == 1); // as the second that was seen
    closed = false;
    int of_held = 0;
    for (int i = 0; i < 100; ++i) of_held += world.serve(open).owner == 0;
    CHECK(of_held >= 49);
    CHECK(of_held <= 52);
}

TEST_CASE("a jump of the wall clock ages nothing") {
    Saturated world;
    const auto patient = world.push(0);
    for (int i = 0; i < 50; ++i) {
        world.push(9);
        ++world.second;
        auto now = world.now();
        now.wall = now.wall + 24h;
        CHECK(world.ready.pop(all_open, now)->id != patient);
    }
}
