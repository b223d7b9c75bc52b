#include "unit/jobs/dispatch/waiting_jobs.hpp"

#include <string>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

struct Room {
    QueueTable table;
    ReadyQueue ready{60s};
    std::uint32_t made = 0;

    LaneIndex lane(std::string_view queue, std::string_view kind, std::uint8_t of = 1, std::string_view resource = "") {
        const auto its = table.queue(organization(of), queue);
        return ready.lane(its, kind, resource.empty() ? nullptr : &table.resource(organization(of), kind, resource));
    }
    Waiting job(LaneIndex lane, unsigned priority = 5, Timestamp due = {}, std::uint8_t by = 1) {
        return {job_id(++made), due, lane, priority & 0xF,
                ready.owners().find_or_add(ready.at(lane).queue->organization, key(by))};
    }
    Waiting push(LaneIndex lane, unsigned priority = 5, Now now = at(0s), std::uint8_t by = 1) {
        const auto made_job = job(lane, priority, now.wall, by);
        ready.push(made_job, now);
        return made_job;
    }
    std::optional<JobId> pop(Now now = at(0s), const ReadyQueue::Open& open = all_open) {
        const auto job = ready.pop(open, now);
        return job ? std::optional{job->id} : std::nullopt;
    }
};

} // namespace

TEST_CASE("a higher priority is served first, and first come first served within one") {
    Room room;
    const auto lane = room.lane("default", "echo");
    std::vector<JobId> expected;
    for (const unsigned priority : {9u, 5u, 5u, 5u, 1u, 0u}) expected.push_back(room.job(lane, priority).id);
    room.made = 0;
    std::vector<Waiting> jobs;
    for (const unsigned priority : {9u, 5u, 5u, 5u, 1u, 0u}) jobs.push_back(room.job(lane, priority));
    for (const std::size_t index : {4u, 1u, 5u, 2u, 0u, 3u}) room.ready.push(jobs[index], at(0s));
    for (const auto& id : expected) CHECK(room.pop() == id);
    CHECK_FALSE(room.pop());
}

TEST_CASE("priorities hold across kinds and queues") {
    Room room;
    const auto low = room.push(room.lane("default", "echo"), 3), high = room.push(room.lane("other", "sleep"), 7);
    CHECK(room.pop() == high.id);
    CHECK(room.pop() == low.id);
}

TEST_CASE("one key's jobs of equal priority are served in the order in which they came due, across kinds and queues") {
    Room room;
    const std::vector lanes{room.lane("default", "echo"), room.lane("default", "sleep"), room.lane("other", "echo")};
    std::vector<JobId> pushed;
    for (int i = 0; i < 30; ++i)
        pushed.push_back(room.push(lanes[static_cast<std::size_t>(i * 7 % 3)], 5, at(std::chrono::seconds{i})).id);
    for (const auto& id : pushed) CHECK(room.pop(at(31s)) == id);
}

TEST_CASE("one key's jobs of one time are served in the order of their submission, across kinds and queues") {
    Room room;
    const std::vector lanes{room.lane("default", "echo"), room.lane("default", "sleep"), room.lane("other", "echo")};
    std::vector<JobId> pushed;
    for (int i = 0; i < 30; ++i) pushed.push_back(room.push(lanes[static_cast<std::size_t>(i * 7 % 3)], 5, at(1s)).id);
    for (const auto& id : pushed) CHECK(room.pop(at(1s)) == id);
}

TEST_CASE("a lane that is not open holds nobody up") {
    Room room;
    const auto full = room.lane("default", "sleep"), free = room.lane("default", "echo");
    const auto held = room.push(full, 9), other = room.push(free, 0);
    const ReadyQueue::Open open = [&](const ReadyQueue::Lane& lane) { return lane.kind != "sleep"; };
    CHECK(room.pop(at(0s), open) == other.id);
    CHECK_FALSE(room.pop(at(0s), open));
    CHECK(room.ready.queued() == 1);
    CHECK(room.pop() == held.id);
}

TEST_CASE("jobs of one model that is held do not hold those of another") {
    Room room;
    const auto held = room.lane("default", "infer", 1, "broken"), open_lane = room.lane("default", "infer", 1, "sound");
    CHECK(held != open_lane);
    CHECK(room.lane("default", "infer", 1, "broken") == held);
    room.push(held);
    const auto other = room.push(open_lane);
    CHECK(room.pop(at(0s), [&](const ReadyQueue::Lane& lane) { return lane.resource->name != "broken"; }) == other.id);
}

TEST_CASE("a job whose time has not come is not served until it has") {
    Room room;
    const auto job = room.job(room.lane("default", "echo"), 5, Timestamp{} + 200s);
    room.ready.push(job, at(100s));
    CHECK(room.ready.scheduled() == 1);
    CHECK(room.ready.queued() == 0);
    room.ready.release_due(at(199s));
    CHECK_FALSE(room.pop(at(199s)));
    CHECK(room.ready.next_due(at(199s)) == microseconds{1s});
    room.ready.release_due(at(200s));
    CHECK(room.pop(at(200s)) == job.id);
    CHECK_FALSE(room.ready.next_due(at(200s)));
}

TEST_CASE("many scheduled jobs come due in the order of their times") {
    Room room;
    const auto lane = room.lane("default", "echo");
    std::vector<JobId> by_time(50);
    for (std::size_t i = 0; i < 50; ++i) {
        const auto second = (i * 17) % 50; // each once, in no order
        const auto job = room.job(lane, 5, Timestamp{} + std::chrono::seconds{second + 1});
        by_time[second] = job.id;
        room.ready.push(job, at(0s));
    }
    for (std::size_t second = 0; second < 50; ++second) {
        const auto now = at(std::chrono::seconds{second + 1});
        room.ready.release_due(now);
        CHECK(room.pop(now) == by_time[second]);
        CHECK_FALSE(room.pop(now));
    }
}

TEST_CASE("jobs of one planned time are served in the order of their submission, retries as well") {
    Room room;
    const auto lane = room.lane("default", "echo");
    std::vector<Waiting> planned, retried;
    for (int i = 0; i < 50; ++i) planned.push_back(room.job(lane, 5, Timestamp{} + 1s));
    for (int i = 0; i < 50; ++i) retried.push_back(room.job(lane, 5, Timestamp{} + 2s));
    for (std::size_t i = 0; i < 50; ++i) {
        room.ready.push(planned[i * 17 % 50], at(0s));
        room.ready.push_after(retried[i * 17 % 50], Monotonic{2s});
    }
    room.ready.release_due(at(1s));
    for (const auto& each : planned) CHECK(room.pop(at(1s)) == each.id);
    room.ready.release_due(at(2s));
    for (const auto& each : retried) CHECK(room.pop(at(2s)) == each.id);
}

TEST_CASE("a retry waits on the monotonic clock, whatever becomes of the other") {
    Room room;
    const auto job = room.job(room.lane("default", "echo"), 5, Timestamp{} + 10s);
    room.ready.push_after(job, Monotonic{10s});
    room.ready.release_due({Timestamp{} + 999s, Monotonic{9s}}); // the wall clock has jumped ahead
    CHECK_FALSE(room.pop());
    CHECK(room.ready.scheduled() == 1);
    CHECK(room.ready.next_due({Timestamp{} + 999s, Monotonic{9s}}) >= microseconds{1s});
    room.ready.release_due({Timestamp{}, Monotonic{10s}}); // and back
    CHECK(room.pop() == job.id);
}

TEST_CASE("what is taken out is not served, whether it was pushed before or comes after") {
    Room room;
    const auto lane = room.lane("default", "echo");
    const auto before = room.push(lane), stays = room.push(lane), after = room.job(lane);
    room.ready.take_out(before, false);
    CHECK(room.ready.queued() == 1);
    room.ready.take_out(after, false); // the word of its end overtakes that of its arrival
    room.ready.push(after, at(0s));
    CHECK(room.ready.queued() == 1);
    CHECK(room.pop() == stays.id);
    CHECK_FALSE(room.pop());
    CHECK(room.ready.queued() == 0);
}

TEST_CASE("what is taken out while its time has not come never comes") {
    Room room;
    const auto lane = room.lane("default", "echo");
    const auto scheduled = room.job(lane, 5, Timestamp{} + 50s), backing_off = room.job(lane, 5, Timestamp{} + 60s);
    room.ready.push(scheduled, at(0s));
    room.ready.push_after(backing_off, Monotonic{60s});
    CHECK(room.ready.scheduled() == 2);
    room.ready.take_out(scheduled, true);
    room.ready.take_out(backing_off, true);
    CHECK(room.ready.scheduled() == 0);
    room.ready.release_due(at(100s));
    CHECK_FALSE(room.pop(at(100s)));
    CHECK(room.ready.queued() == 0);
    CHECK(room.ready.scheduled() == 0);
}

TEST_CASE("counts come right when a job stood elsewhere than was thought") {
    Room room;
    const auto lane = room.lane("default", "echo");
    const auto due_soon = room.job(lane, 5, Timestamp{} + 50s), due = room.push(lane);
    room.ready.push(due_soon, at(0s));
    room.ready.take_out(due_soon, false); // the caller's clock says that it is due
    room.ready.take_out(due, true);       // and that this one is not
    room.ready.release_due(at(50s));
    CHECK_FALSE(room.pop(at(50s)));
    CHECK(room.ready.queued() == 0);
    CHECK(room.ready.scheduled() == 0);
    CHECK(room.ready.at(lane).queued == 0);
    CHECK(room.ready.at(lane).scheduled == 0);
}

TEST_CASE("a job that was cancelled while scheduled and asked for again runs at once") {
    Room room;
    const auto lane = room.lane("default", "echo");
    auto job = room.job(lane, 5, Timestamp{} + 3600s);
    room.ready.push(job, at(0s));
    room.ready.take_out(job, true);
    job.due = Timestamp{} + 10s;
    room.ready.push(job, at(10s));
    CHECK(room.ready.queued() == 1);
    CHECK(room.ready.scheduled() == 0);
    CHECK(room.pop(at(10s)) == job.id);
    room.ready.release_due(at(3600s)); // where it stood first
    CHECK_FALSE(room.pop(at(3600s)));
    CHECK(room.ready.queued() == 0);
    CHECK(room.ready.scheduled() == 0);
}

TEST_CASE("cancelled jobs at the head of a line cost their key no turns") {
    Room room;
    const auto lane = room.lane("default", "echo");
    for (int i = 0; i < 500; ++i) room.ready.take_out(room.push(lane, 5, at(0s), 1), false);
    const auto mine = room.push(lane, 5, at(1s), 1);
    for (int i = 0; i < 500; ++i) room.push(lane, 5, at(1s), 2);
    const auto first = room.pop(at(1s)), second = room.pop(at(1s));
    CHECK((first == mine.id || second == mine.id));
}

TEST_CASE("the position counts what is served before") {
    Room room;
    const auto lane = room.lane("default", "echo"), other_kind = room.lane("default", "sleep"),
               elsewhere = room.lane("other", "echo");
    room.push(lane, 9, at(1s));
    room.push(lane, 5, at(2s));
    room.push(other_kind, 7, at(3s));
    room.push(elsewhere, 9, at(3s));
    room.push(lane, 4, at(0s));
    const auto mine = room.push(lane, 5, at(4s));
    room.push(lane, 5, at(5s));
    CHECK(room.ready.position(mine) == 3);
}

TEST_CASE("jobs of one batch, which have one time, have a position each") {
    Room room;
    const auto lane = room.lane("default", "echo");
    std::vector<Waiting> batch;
    for (int i = 0; i < 300; ++i) batch.push_back(room.push(lane, 5, at(1s)));
    for (std::size_t i = 0; i < batch.size(); ++i) CHECK(room.ready.position(batch[i]) == i);
}

TEST_CASE("the position of a newcomer behind a backlog counts turns, not the backlog") {
    Room room;
    const auto lane = room.lane("default", "echo");
    for (int i = 0; i < 1000; ++i) room.push(lane, 5, at(1s), 1);
    const auto newcomer = room.push(lane, 5, at(2s), 2);
    CHECK(room.ready.position(newcomer) <= 1);
}

TEST_CASE("the longest wait of a queue is known") {
    Room room;
    const auto lane = room.lane("default", "echo");
    const auto& queue = *room.table.queue(organization(1), "default");
    CHECK_FALSE(room.ready.oldest(queue));
    room.push(lane, 5, at(7s));
    room.push(lane, 9, at(3s));
    room.push(room.lane("other", "echo"), 9, at(1s));
    CHECK(room.ready.oldest(queue) == Timestamp{} + 3s);
    room.pop(at(8s), [&](const ReadyQueue::Lane& each) { return each.queue.get() == &queue; });
    room.ready.refresh_ages();
    CHECK(room.ready.oldest(queue) == Timestamp{} + 7s);
}

TEST_CASE("counts are kept by lane, and in all") {
    Room room;
    const auto echo = room.lane("default", "echo"), sleep = room.lane("default", "sleep");
    room.push(echo);
    room.push(echo);
    room.push(sleep);
    room.ready.push(room.job(sleep, 5, Timestamp{} + 10s), at(0s));
    CHECK(room.ready.at(echo).queued == 2);
    CHECK(room.ready.at(sleep).queued == 1);
    CHECK(room.ready.at(sleep).scheduled == 1);
    CHECK(room.ready.queued() == 3);
    room.ready.release_due(at(10s));
    CHECK(room.ready.at(sleep).queued == 2);
    CHECK(room.ready.at(sleep).scheduled == 0);
    while (room.pop(at(10s))) {}
    CHECK(room.ready.queued() == 0);
}
