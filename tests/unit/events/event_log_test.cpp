// Events that are posted: written by themselves, and read by their own organisation alone.
#include "events/event_log.hpp"
#include "unit/store/test_database.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

using namespace millrace;

namespace {

struct World {
    World() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-events-XXXXXX").string();
        data = ::mkdtemp(pattern.data());
        auto opened = store::test::open_database({.data = data, .on_failure = {}}, log, metrics);
        REQUIRE(opened.has_value());
        database = std::move(*opened);
    }
    ~World() {
        database->close();
        std::filesystem::remove_all(data);
    }
    std::vector<events::Event> events_of(const OrganizationId& organization) {
        (void)database->write_blocking([](store::SystemSession&) { return success(); }); // after what was posted
        auto task = [organization](store::SystemSession& session) -> Result<std::vector<events::Event>> {
            store::OrganizationSession tenant{session, organization};
            return events::events_after(tenant, 0, 100);
        };
        return database->read_blocking(std::move(task)).value();
    }

    std::filesystem::path data;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1}; // nowhere
    telemetry::Metrics metrics;
    std::unique_ptr<store::Database> database;
    OrganizationId mine = OrganizationId::make(), other = OrganizationId::make();
};

} // namespace

TEST_CASE("an event that is posted is written as it was given, for its organisation alone") {
    World world;
    events::post_event(*world.database, world.mine, "blob.damaged", "abc", {{"size", 7}}, Timestamp{42});
    const auto events = world.events_of(world.mine);
    REQUIRE(events.size() == 1);
    CHECK(events[0].type == "blob.damaged");
    CHECK(events[0].subject == "abc");
    CHECK(events[0].data == R"({"size":7})");
    CHECK(events[0].at.micros == 42);
    CHECK(world.events_of(world.other).empty());
}

TEST_CASE("events that are posted together are written together or not at all") {
    World world;
    events::post_events(*world.database, [&](store::SystemSession& session) {
        events::write_event(session, world.mine, "test", "one", {}, Timestamp{1});
        events::write_event(session, world.other, "test", "two", {}, Timestamp{1});
    });
    CHECK(world.events_of(world.mine).size() == 1);
    CHECK(world.events_of(world.other).size() == 1);
    events::post_events(*world.database, [&](store::SystemSession& session) {
        events::write_event(session, world.mine, "test", "three", {}, Timestamp{1});
        throw std::runtime_error{"half-way"};
    });
    CHECK(world.events_of(world.mine).size() == 1);
}
