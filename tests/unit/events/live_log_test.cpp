// The log of an organisation's changes and those who follow it: nobody misses a change without being told so.
#include "events/live_log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::events;

namespace {

using Kind = LiveEntry::Kind;

LiveEntry state(JobId job, const std::string& queue = "default") {
    LiveEntry entry;
    entry.type = job_state;
    entry.subject = job.text();
    entry.queue = queue;
    entry.job = job;
    entry.to = values::JobState::queued;
    entry.data = "{}";
    return entry;
}

LiveEntry of_kind(Kind kind, std::string_view type, std::int64_t number = 0) {
    LiveEntry entry;
    entry.kind = kind;
    entry.type = type;
    entry.number = number;
    entry.data = "{}";
    return entry;
}

struct World {
    std::shared_ptr<LiveLog> log = std::make_shared<LiveLog>("abc", LiveLogSize{8, 1 << 20});
    asio::io_context io;
    JobId job = JobId::make(), other = JobId::make();

    World() { log->set_last_number(7); }
    std::unique_ptr<LiveFollower> follow(LiveFilter filter = {}) {
        return std::make_unique<LiveFollower>(log, std::move(filter), io.get_executor());
    }
    void append(LiveEntry entry) {
        std::vector<LiveEntry> entries;
        entries.push_back(std::move(entry));
        log->append(std::move(entries));
    }
    // Whether a wait, begun before `happen`, ends before its time.
    template <class Happen>
    bool wakes(LiveFollower& follower, Happen happen) {
        using namespace std::chrono_literals;
        bool ended = false;
        asio::co_spawn(io, follower.wait(10s), [&](const std::exception_ptr&) { ended = true; });
        io.restart();
        io.poll();
        happen();
        io.poll();
        const bool woke = ended;
        log->close(); // ends the wait in any case
        io.restart();
        io.run();
        return woke;
    }
};

std::size_t taken(LiveFollower& follower) { return follower.take(1 << 20).entries.size(); }

} // namespace

TEST_CASE("a follower takes what comes after it, in order and once, with a place that goes on after each") {
    World world;
    world.append(state(world.job));
    const auto follower = world.follow();
    CHECK(follower->place().text() == "7-abc-1");
    CHECK(taken(*follower) == 0);
    world.append(of_kind(Kind::stored, "job.dead", 12));
    world.append(state(world.job));
    const auto all = follower->take(1 << 20);
    REQUIRE(all.entries.size() == 2);
    CHECK(all.entries[0]->text == "id: 12-abc-2\nevent: job.dead\ndata: {}\n\n");
    CHECK(all.entries[1]->text == "id: 12-abc-3\nevent: job.state\ndata: {}\n\n");
    CHECK(taken(*follower) == 0);
    CHECK(follower->place().text() == "12-abc-3");
}

TEST_CASE("a place is resumed while the log has what came after it, and only in its epoch") {
    World world;
    const auto first = world.follow();
    for (int i = 0; i < 3; ++i) world.append(state(world.job));
    const auto goes_on = world.follow();
    CHECK(goes_on->resume({7, "abc", 1}));
    CHECK(taken(*goes_on) == 2);
    CHECK_FALSE(world.follow()->resume({7, "other", 1}));
    CHECK_FALSE(world.follow()->resume({7, "", 0}));
    CHECK_FALSE(world.follow()->resume({7, "abc", 99}));
    for (int i = 0; i < 8; ++i) world.append(state(world.job));
    CHECK_FALSE(world.follow()->resume({7, "abc", 1}));
    CHECK(world.follow()->resume({7, "abc", 3}));
}

TEST_CASE("job changes of before anybody followed were not recorded, and no place is behind them") {
    World world;
    {
        const auto stored_only = world.follow({{"breaker"}, {}, {}, {}, true});
        CHECK_FALSE(world.log->wants_state(world.job));
        world.append(of_kind(Kind::stored, "breaker.opened", 8));
    }
    const auto late = world.follow();
    CHECK(world.log->wants_state(world.job));
    CHECK_FALSE(world.follow()->resume({7, "abc", 0}));
    CHECK(world.follow({{"breaker"}, {}, {}, {}, true})->resume({7, "abc", 0}));
}

TEST_CASE("job changes are recorded for a minute after the last who followed them, and the log stays as long") {
    World world;
    const auto begin = std::chrono::steady_clock::now();
    world.follow().reset();
    using namespace std::chrono_literals;
    CHECK_FALSE(world.log->tidy(begin + 30s));
    CHECK(world.log->wants_state(world.job));
    CHECK(world.log->tidy(begin + 120s));
    CHECK_FALSE(world.log->wants_state(world.job));
}

TEST_CASE("who follows one job makes nobody write those of others") {
    World world;
    LiveFilter one;
    one.jobs.emplace({world.job});
    const auto follower = world.follow(one);
    CHECK(world.log->wants_state(world.job));
    CHECK(world.log->wants_progress(world.job));
    CHECK_FALSE(world.log->wants_state(world.other));
    CHECK_FALSE(world.log->wants_progress(world.other));
    world.append(state(world.other));
    world.append(state(world.job));
    CHECK(taken(*follower) == 1);
}

TEST_CASE("one that is too slow loses its place and is told so, and goes on from the end") {
    World world;
    const auto slow = world.follow();
    for (int i = 0; i < 9; ++i) world.append(state(world.job));
    const auto lost = slow->take(1 << 20);
    CHECK(lost.lost);
    CHECK(lost.entries.empty());
    world.append(state(world.job));
    const auto next = slow->take(1 << 20);
    CHECK_FALSE(next.lost);
    CHECK(next.entries.size() == 1);
}

TEST_CASE("one that waits for a rare change keeps its place while others change") {
    World world;
    LiveFilter one;
    one.jobs.emplace({world.job});
    const auto patient = world.follow(one);
    const auto broad = world.follow();
    CHECK(taken(*patient) == 0);
    for (int i = 0; i < 50; ++i) world.append(state(world.other));
    world.append(state(world.job));
    const auto seen = patient->take(1 << 20);
    CHECK_FALSE(seen.lost);
    CHECK(seen.entries.size() == 1);
}

TEST_CASE("what is left out costs everybody the place, those who wait as well") {
    World world;
    const auto waits = world.follow();
    const auto reads = world.follow();
    CHECK(taken(*waits) == 0);
    world.append(of_kind(Kind::progress, job_progress));
    world.log->leave_out();
    CHECK(waits->take(1 << 20).lost);
    CHECK(reads->take(1 << 20).lost);
}

TEST_CASE("a piece has about as many bytes as were asked for, and the rest comes next") {
    World world;
    const auto follower = world.follow();
    for (int i = 0; i < 5; ++i) world.append(state(world.job));
    CHECK(follower->take(1).entries.size() == 1);
    CHECK(taken(*follower) == 4);
}

TEST_CASE("who waits is woken by what its filter takes") {
    SUBCASE("of any job") {
        World world;
        const auto follower = world.follow();
        CHECK(taken(*follower) == 0);
        CHECK(world.wakes(*follower, [&] { world.append(state(world.job)); }));
    }
    SUBCASE("of its queue") {
        World world;
        const auto follower = world.follow({{}, {}, "mine", {}, true});
        CHECK(taken(*follower) == 0);
        CHECK(world.wakes(*follower, [&] { world.append(state(world.job, "mine")); }));
    }
    SUBCASE("not of another queue") {
        World world;
        const auto follower = world.follow({{}, {}, "mine", {}, true});
        CHECK(taken(*follower) == 0);
        CHECK_FALSE(world.wakes(*follower, [&] { world.append(state(world.job, "theirs")); }));
    }
    SUBCASE("a sample by those who name it") {
        World world;
        const auto page = world.follow({{"jobs.changed"}, {}, {}, {}, true});
        CHECK(taken(*page) == 0);
        CHECK(world.log->wants(jobs_changed));
        CHECK_FALSE(world.log->wants(service_status));
        CHECK(world.wakes(*page, [&] { world.append(of_kind(Kind::sample, jobs_changed)); }));
    }
    SUBCASE("by the end of all") {
        World world;
        const auto follower = world.follow();
        CHECK(taken(*follower) == 0);
        CHECK(world.wakes(*follower, [&] { world.log->close(); }));
        CHECK(follower->closed());
    }
}

TEST_CASE("those who leave take their demand with them") {
    World world;
    auto page = world.follow({{"service.status", "job.progress"}, {}, {}, {}, true});
    CHECK(world.log->wants(service_status));
    CHECK(world.log->wants_progress(world.job));
    page.reset();
    CHECK_FALSE(world.log->wants(service_status));
    CHECK_FALSE(world.log->wants_progress(world.job));
}
