// From the feed into the logs: in their order, to their organisation, and never without a word.
#include "api/live/change_tap.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;
using namespace std::chrono_literals;

namespace {

struct World {
    events::Feed feed;
    events::LiveLogs logs;
    asio::io_context io;
    OrganizationId mine = OrganizationId::make(), other = OrganizationId::make();
    ChangeTap tap{feed, logs, SystemClock::instance()};

    std::unique_ptr<events::LiveFollower> follow(const OrganizationId& organization, std::vector<std::string> types) {
        events::LiveFilter filter;
        filter.types = std::move(types);
        return std::make_unique<events::LiveFollower>(logs.log_of(organization), std::move(filter), io.get_executor());
    }
    void commit(const OrganizationId& organization, int arrivals) {
        store::Changes changes;
        for (int i = 0; i < arrivals; ++i) {
            jobs::Arrived change;
            change.id = JobId::make();
            change.organization = organization;
            changes.append(std::move(change));
        }
        feed.on_commit()(changes);
    }
    // All that comes until `enough` of them, or a second has passed.
    static events::LiveFollower::Taken taken(events::LiveFollower& follower, std::size_t enough) {
        events::LiveFollower::Taken all;
        for (const auto end = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < end;) {
            auto some = follower.take(1 << 20);
            all.lost |= some.lost;
            all.entries.insert(all.entries.end(), some.entries.begin(), some.entries.end());
            if (all.entries.size() >= enough || all.lost) break;
            std::this_thread::sleep_for(1ms);
        }
        return all;
    }
};

} // namespace

TEST_CASE("changes reach those of their organisation alone") {
    World world;
    const auto ours = world.follow(world.mine, {"job.state"}), theirs = world.follow(world.other, {"job.state"});
    world.tap.start();
    world.commit(world.mine, 3);
    CHECK(World::taken(*ours, 3).entries.size() == 3);
    CHECK(theirs->take(1 << 20).entries.empty());
}

TEST_CASE("what comes while nobody follows is not kept") {
    World world;
    world.commit(world.mine, 3);
    const auto late = world.follow(world.mine, {"job.state"});
    world.tap.start();
    world.commit(world.mine, 1);
    CHECK(World::taken(*late, 1).entries.size() == 1);
}

TEST_CASE("when more comes than can be written everybody hears of it") {
    World world;
    const auto follower = world.follow(world.mine, {"job.state"});
    world.commit(world.mine, 40'000); // its thread does not run yet
    world.commit(world.mine, 40'000);
    world.tap.start();
    CHECK(World::taken(*follower, 100'000).lost);
    world.commit(world.mine, 1);
    CHECK(World::taken(*follower, 1).entries.size() == 1);
}

TEST_CASE("few changes are named in a sample, and many are counted") {
    World world;
    const auto page = world.follow(world.mine, {"jobs.changed"});
    world.commit(world.mine, 2);
    world.tap.start();
    auto first = World::taken(*page, 1);
    REQUIRE(first.entries.size() == 1);
    CHECK(first.entries[0]->text.find("\"more\":0") != std::string::npos);
    world.commit(world.mine, 101);
    auto second = World::taken(*page, 1);
    REQUIRE(second.entries.size() == 1);
    CHECK(second.entries[0]->text.find("\"jobs\":[],\"more\":101") != std::string::npos);
}

TEST_CASE("progress is told of running jobs that somebody follows") {
    World world;
    world.tap.start();
    world.tap.hear({JobId::make(), world.mine, "default", "sleep", 10}); // nobody
    const auto follower = world.follow(world.mine, {"job.progress"});
    world.tap.hear({JobId::make(), world.mine, "default", "sleep", 20});
    const auto seen = World::taken(*follower, 1);
    REQUIRE(seen.entries.size() == 1);
    CHECK(seen.entries[0]->text.find("\"progress_percent\":20") != std::string::npos);
}
