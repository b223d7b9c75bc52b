// Changes: heard after the commit, in its order, and only when there was one.
#include "events/event_log.hpp"
#include "events/feed.hpp"
#include "unit/store/test_database.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

using namespace millrace;

namespace {

struct Named {
    std::string name;
};
struct Numbered {
    int number;
};

struct World {
    World() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-feed-XXXXXX").string();
        data = ::mkdtemp(pattern.data());
        auto opened =
            store::test::open_database({.data = data, .on_commit = feed.on_commit(), .on_failure = {}}, log, metrics);
        REQUIRE(opened.has_value());
        database = std::move(*opened);
        feed.subscribe<Named>([this](const std::shared_ptr<const Named>& change) { heard.push_back(change->name); });
        feed.subscribe<Numbered>(
            [this](const std::shared_ptr<const Numbered>& change) { heard.push_back(std::to_string(change->number)); });
    }
    ~World() {
        database->close();
        std::filesystem::remove_all(data);
    }
    template <class Task>
    bool write(Task task) {
        return database
            ->write_blocking(
                [task = std::move(task)](store::SystemSession& session) -> Result<void> { return task(session); })
            .has_value();
    }
    static void write_row(store::SystemSession& session) {
        events::write_event(session, OrganizationId::make(), "test", "row", {}, Timestamp{1});
    }

    std::filesystem::path data;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1}; // nowhere
    telemetry::Metrics metrics;
    events::Feed feed;
    std::vector<std::string> heard;
    std::unique_ptr<store::Database> database;
};

using Heard = std::vector<std::string>;

} // namespace

TEST_CASE("changes of all types are heard in the order in which they were published, before the writer is answered") {
    World world;
    CHECK(world.write([](store::SystemSession& session) {
        session.publish(Named{"first"});
        session.publish(Numbered{2});
        session.publish(Named{"third"});
        return success();
    }));
    CHECK(world.heard == Heard{"first", "2", "third"});
}

TEST_CASE("a change of a task that fails is never heard of") {
    World world;
    CHECK_FALSE(world.write([](store::SystemSession& session) -> Result<void> {
        session.publish(Named{"refused"});
        return Error{Code::conflict, "no"};
    }));
    CHECK_FALSE(world.write([](store::SystemSession& session) -> Result<void> {
        World::write_row(session);
        session.publish(Named{"half-way"});
        throw std::runtime_error{"after its first write"};
    }));
    CHECK(world.write([](store::SystemSession&) { return success(); }));
    CHECK(world.heard.empty());
}

TEST_CASE("what a savepoint takes back is not heard of, and what came before it is") {
    World world;
    CHECK(world.write([](store::SystemSession& session) {
        session.publish(Named{"before"});
        const auto refused = session.savepoint([&]() -> Result<void> {
            World::write_row(session);
            session.publish(Named{"inside"});
            return Error{Code::conflict, "no"};
        });
        CHECK_FALSE(refused.has_value());
        try {
            session.savepoint([&]() -> Result<void> {
                session.publish(Named{"inside, too"});
                throw std::runtime_error{"no"};
            });
        } catch (const std::runtime_error&) { session.publish(Named{"after"}); }
        return success();
    }));
    CHECK(world.heard == Heard{"before", "after"});
}

TEST_CASE("what a reader publishes is heard by nobody") {
    World world;
    const auto read = world.database->read_blocking([](store::SystemSession& session) -> Result<void> {
        session.publish(Named{"read"});
        return success();
    });
    CHECK(read.has_value());
    CHECK(world.write([](store::SystemSession&) { return success(); }));
    CHECK(world.heard.empty());
}

TEST_CASE("the end of a commit is told after all that it brought, and not where it brought nothing") {
    World world;
    world.feed.subscribe_to_ends([&] { world.heard.push_back("."); });
    CHECK(world.write([](store::SystemSession& session) {
        session.publish(Named{"one"});
        session.publish(Numbered{2});
        return success();
    }));
    CHECK(world.write([](store::SystemSession&) { return success(); }));
    CHECK(world.heard == Heard{"one", "2", "."});
}

TEST_CASE("all who have subscribed to a type hear of it, the first first") {
    World world;
    world.feed.subscribe<Named>(
        [&](const std::shared_ptr<const Named>& change) { world.heard.push_back(change->name + " again"); });
    CHECK(world.write([](store::SystemSession& session) {
        session.publish(Named{"one"});
        return success();
    }));
    CHECK(world.heard == Heard{"one", "one again"});
}
