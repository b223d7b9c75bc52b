#include "unit/store/groups.hpp"

#include "store/sqlite/connection.hpp"
#include "store/sqlite/fault_disk.hpp"

#include <fmt/format.h>

#include <atomic>

using namespace millrace;
using namespace millrace::store;
using millrace::store::test::adding;
using millrace::store::test::run_as_group;

TEST_CASE("writes that wait together are committed together, with one flush") {
    FaultDisk disk;
    test::Fixture fixture;
    auto& database = fixture.open_sqlite();
    const auto groups = database.stats().groups;
    const auto flushes = disk.flushes();
    std::vector<std::function<Result<void>(SystemSession&)>> tasks;
    for (int i = 0; i < 200; ++i) tasks.emplace_back(adding(fmt::format("o{}", i)));
    for (const auto& outcome : run_as_group(database, tasks)) CHECK(outcome);
    CHECK(database.stats().groups - groups == 2); // the blocker's own, and ours
    CHECK(disk.flushes() - flushes <= 3);
    CHECK(test::added(database) == 200);
}

TEST_CASE("a task that fails after it has written takes its group back, and the store works on") {
    test::Fixture fixture;
    auto& database = fixture.open_sqlite();
    const auto returns_an_error = [](SystemSession& session) -> Result<void> {
        REQUIRE(test::add_organization(session, "x"));
        return Error{Code::conflict, "too late"};
    };
    const auto meets_a_constraint = [](SystemSession& session) -> Result<void> {
        REQUIRE(test::add_organization(session, "x"));
        return test::add_organization(session, "x");
    };
    const auto throws = [](SystemSession& session) -> Result<void> {
        REQUIRE(test::add_organization(session, "x"));
        throw std::runtime_error{"no"};
    };
    for (const std::function<Result<void>(SystemSession&)>& task :
         {std::function<Result<void>(SystemSession&)>{returns_an_error},
          std::function<Result<void>(SystemSession&)>{meets_a_constraint},
          std::function<Result<void>(SystemSession&)>{throws}}) {
        const auto outcomes = run_as_group(database, {adding("a"), task, adding("b")});
        CHECK(outcomes[0].error().code == Code::unavailable);
        CHECK_FALSE(outcomes[1]);
        CHECK(outcomes[2].error().code == Code::unavailable);
        CHECK(test::added(database) == 0);
    }
    CHECK_FALSE(database.failure());
    CHECK(database.write_blocking(adding("c")));
}

TEST_CASE("a failed flush acknowledges nobody and stops the store for good") {
    FaultDisk disk;
    test::Fixture fixture;
    std::atomic<int> told{0};
    fixture.options.on_failure = [&](const std::string&) { ++told; };
    auto& database = fixture.open_sqlite();
    REQUIRE(database.write_blocking(adding("first")));

    disk.flushes_fail = true;
    for (const auto& outcome : run_as_group(database, {adding("a"), adding("b")}))
        CHECK(outcome.error().code == Code::unavailable);
    disk.flushes_fail = false;

    CHECK(database.write_blocking(adding("after")).error().code == Code::unavailable); // not tried again
    CHECK(database.failure().has_value());
    CHECK(told == 1);
    CHECK(test::added(database) == 1); // readers still see what was committed

    fixture.database.reset();
    auto& again = fixture.open_sqlite();
    CHECK(test::added(again) >= 1);
    CHECK(again.write_blocking(adding("after")));
}

TEST_CASE("a full disk is told as such, and writes go on once there is space") {
    FaultDisk disk;
    test::Fixture fixture;
    auto& database = fixture.open_sqlite();
    disk.full = true;
    for (const auto& outcome : run_as_group(database, {adding("a"), adding("b")}))
        CHECK(outcome.error().code == Code::storage_full);
    disk.full = false;
    CHECK_FALSE(database.failure());
    CHECK(test::added(database) == 0);
    CHECK(database.write_blocking(adding("a")));
    CHECK(test::added(database) == 1);
}

TEST_CASE("the log is written back when nothing is written for a while") {
    test::Fixture fixture;
    auto& database = fixture.open_sqlite();
    REQUIRE(database.write_blocking(adding("a")));
    const test::Folder other;
    const auto in_the_file_alone = [&] { // without its log
        std::filesystem::copy_file(fixture.folder.path / "millrace.db", other.path / "copy.db",
                                   std::filesystem::copy_options::overwrite_existing);
        try {
            Connection copy{other.path / "copy.db", Connection::Access::write};
            return copy.integer("SELECT count(*) FROM organizations WHERE name = 'a'");
        } catch (const DatabaseError&) { // copied while it was being written
            return std::int64_t{0};
        }
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (in_the_file_alone() == 0 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    CHECK(in_the_file_alone() == 1);
    CHECK(test::added(database) == 1);
}

TEST_CASE("the log has its full size soon after the start, and is overwritten instead of growing") {
    test::Fixture fixture;
    fixture.options.checkpoint_pages = 256;
    auto& database = fixture.open_sqlite();
    const auto log_file = fixture.folder.path / "millrace.db-wal";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (std::filesystem::file_size(log_file) < 256 * 4120 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    const auto size = std::filesystem::file_size(log_file);
    CHECK(size >= 256 * 4120);
    const std::string filler(2000, 'x');
    for (int i = 0; i < 400; ++i) REQUIRE(database.write_blocking(adding(filler + std::to_string(i))));
    CHECK(std::filesystem::file_size(log_file) == size);
    database.close();
    fixture.database.reset();
    CHECK(test::added(fixture.open_sqlite()) == 400);
}

TEST_CASE("the log is written back under load, so that it stays bounded") {
    test::Fixture fixture;
    fixture.options.checkpoint_pages = 64;
    auto& database = fixture.open_sqlite();
    const std::string filler(2000, 'x');
    for (int i = 0; i < 600; ++i) REQUIRE(database.write_blocking(adding(filler + std::to_string(i))));
    CHECK(std::filesystem::file_size(fixture.folder.path / "millrace.db-wal") < 4u << 20);
    CHECK(std::filesystem::file_size(fixture.folder.path / "millrace.db") > 1u << 20);
}

TEST_CASE("a second daemon is refused, and told by whom, until the first has closed") {
    test::Fixture fixture;
    fixture.open_sqlite();
    const auto second = open_sqlite(fixture.options, fixture.log, fixture.metrics);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Code::conflict);
    CHECK(second.error().detail.find(fmt::format("process {}", ::getpid())) != std::string::npos);
    fixture.database.reset();
    fixture.open_sqlite();
}
