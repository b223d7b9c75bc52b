#include "unit/store/fixture.hpp"

#include "async/io_pool.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/fault_disk.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include <atomic>
#include <future>
#include <latch>

using namespace millrace;
using namespace millrace::store;
using millrace::store::test::adding;

namespace {

// Keeps the writer busy until let go, so that what is posted meanwhile forms one group.
class Blocker {
public:
    explicit Blocker(Database& database) {
        database.post_write(
            [this](SystemSession&) -> Result<void> {
                entered_.count_down();
                gate_.wait();
                return success();
            },
            [](const Result<void>&) {});
        entered_.wait();
    }
    void release() { gate_.count_down(); }

private:
    std::latch entered_{1}, gate_{1};
};

// Posts all tasks into one group and returns their outcomes in order.
std::vector<Result<void>> run_as_group(Database& database,
                                       std::vector<std::function<Result<void>(SystemSession&)>> tasks) {
    std::vector<std::promise<Result<void>>> promises(tasks.size());
    Blocker blocker{database};
    for (std::size_t i = 0; i < tasks.size(); ++i)
        database.post_write(tasks[i],
                            [&promise = promises[i]](Result<void> outcome) { promise.set_value(std::move(outcome)); });
    blocker.release();
    std::vector<Result<void>> outcomes;
    for (auto& promise : promises) outcomes.push_back(promise.get_future().get());
    return outcomes;
}

} // namespace

TEST_CASE("writes that wait together are committed together, with one flush") {
    FaultDisk disk;
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto groups = database.stats().groups;
    const auto flushes = disk.flushes();
    std::vector<std::function<Result<void>(SystemSession&)>> tasks;
    for (int i = 0; i < 200; ++i) tasks.emplace_back(adding(fmt::format("o{}", i)));
    for (const auto& outcome : run_as_group(database, tasks)) CHECK(outcome);
    CHECK(database.stats().groups - groups == 2); // the blocker's own, and ours
    CHECK(disk.flushes() - flushes <= 3);
    CHECK(test::added(database) == 200);
}

TEST_CASE("a group is never larger than its limit") {
    test::Fixture fixture;
    fixture.options.group_limit = 16;
    auto& database = fixture.open();
    const auto groups = database.stats().groups;
    std::vector<std::function<Result<void>(SystemSession&)>> tasks;
    for (int i = 0; i < 64; ++i) tasks.emplace_back(adding(fmt::format("o{}", i)));
    for (const auto& outcome : run_as_group(database, tasks)) CHECK(outcome);
    CHECK(database.stats().groups - groups == 5);
}

TEST_CASE("a task that returns an error before writing leaves the others of its group committed") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto outcomes = run_as_group(database, {adding("a"),
                                                  [](SystemSession&) -> Result<void> {
                                                      return Error{Code::conflict, "no"};
                                                  },
                                                  adding("b")});
    CHECK(outcomes[0]);
    CHECK(outcomes[1].error().code == Code::conflict);
    CHECK(outcomes[2]);
    CHECK(test::added(database) == 2);
}

TEST_CASE("a constraint met by a task's first write concerns that task alone") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto outcomes = run_as_group(database, {adding("a"), adding("a"), adding("b")});
    CHECK(outcomes[0]);
    CHECK(outcomes[1].error().code == Code::internal);
    CHECK(outcomes[2]);
    CHECK(test::added(database) == 2);
    CHECK_FALSE(database.failure());
}

TEST_CASE("a task that fails after it has written takes its group back, and the store works on") {
    test::Fixture fixture;
    auto& database = fixture.open();
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
    auto& database = fixture.open();
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
    auto& again = fixture.open();
    CHECK(test::added(again) >= 1);
    CHECK(again.write_blocking(adding("after")));
}

TEST_CASE("a full disk is told as such, and writes go on once there is space") {
    FaultDisk disk;
    test::Fixture fixture;
    auto& database = fixture.open();
    disk.full = true;
    for (const auto& outcome : run_as_group(database, {adding("a"), adding("b")}))
        CHECK(outcome.error().code == Code::storage_full);
    disk.full = false;
    CHECK_FALSE(database.failure());
    CHECK(test::added(database) == 0);
    CHECK(database.write_blocking(adding("a")));
    CHECK(test::added(database) == 1);
}

TEST_CASE("a full queue refuses, and takes writes again afterwards") {
    test::Fixture fixture;
    fixture.options.write_queue = 4;
    auto& database = fixture.open();
    std::atomic<int> committed{0}, refused{0};
    {
        Blocker blocker{database}; // takes one of the four places
        for (int i = 0; i < 6; ++i)
            database.post_write(adding(fmt::format("o{}", i)), [&](const Result<void>& outcome) {
                if (outcome) ++committed;
                else if (outcome.error().code == Code::unavailable) ++refused;
            });
        CHECK(refused == 3);
        blocker.release();
        while (committed != 3) std::this_thread::yield();
    }
    CHECK(database.write_blocking(adding("later")));
}

TEST_CASE("a coroutine resumes on its own thread after the commit, and sees its write") {
    test::Fixture fixture;
    auto& database = fixture.open();
    async::IoPool pool{"test-io", 1};
    std::promise<void> finished;
    const auto routine = [&]() -> awaitable<void> {
        const auto here = std::this_thread::get_id();
        auto task = [](SystemSession& session) -> Result<int> {
            if (auto done = test::add_organization(session, "a"); !done) return done.error();
            return 7;
        };
        const auto answer = co_await database.write(task);
        CHECK(answer.value() == 7);
        CHECK(std::this_thread::get_id() == here);
        auto count = [](SystemSession& session) -> Result<std::int64_t> {
            auto rows = session.query("SELECT count(*) FROM organizations WHERE name = 'a'");
            rows.next();
            return rows.integer(0);
        };
        const auto found = co_await database.read(count);
        CHECK(found.value() == 1);
        CHECK(std::this_thread::get_id() == here);
    };
    asio::co_spawn(pool.at(0), routine, [&](const std::exception_ptr& thrown) {
        CHECK_FALSE(thrown);
        finished.set_value();
    });
    finished.get_future().get();
    database.close();
}

TEST_CASE("many coroutines on several threads each get their own answer") {
    test::Fixture fixture;
    auto& database = fixture.open();
    async::IoPool pool{"test-io", 3};
    constexpr int count = 300;
    std::latch finished{count};
    std::atomic<int> right{0};
    const auto routine = [&](int i) -> awaitable<void> {
        auto task = [i](SystemSession& session) -> Result<int> {
            if (auto done = test::add_organization(session, fmt::format("o{}", i)); !done) return done.error();
            return i;
        };
        const auto answer = co_await database.write(task);
        if (answer && *answer == i) ++right;
        finished.count_down();
    };
    for (int i = 0; i < count; ++i) asio::co_spawn(pool.next(), routine(i), asio::detached);
    finished.wait();
    CHECK(right == count);
    CHECK(test::added(database) == count);
    CHECK(database.stats().groups < count);
    database.close();
}

TEST_CASE("closing runs what is queued, then refuses") {
    test::Fixture fixture;
    auto& database = fixture.open();
    std::atomic<int> committed{0};
    for (int i = 0; i < 50; ++i)
        database.post_write(adding(fmt::format("o{}", i)),
                            [&](const Result<void>& outcome) { committed += outcome ? 1 : 0; });
    database.close();
    CHECK(committed == 50);
    CHECK(database.write_blocking(adding("late")).error().code == Code::unavailable);
    CHECK(database.read_blocking([](SystemSession&) -> Result<void> { return success(); }).error().code ==
          Code::unavailable);
    fixture.database.reset();
    CHECK(test::added(fixture.open()) == 50);
}

TEST_CASE("the log is written back when nothing is written for a while") {
    test::Fixture fixture;
    auto& database = fixture.open();
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
    auto& database = fixture.open();
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
    CHECK(test::added(fixture.open()) == 400);
}

TEST_CASE("the log is written back under load, so that it stays bounded") {
    test::Fixture fixture;
    fixture.options.checkpoint_pages = 64;
    auto& database = fixture.open();
    const std::string filler(2000, 'x');
    for (int i = 0; i < 600; ++i) REQUIRE(database.write_blocking(adding(filler + std::to_string(i))));
    CHECK(std::filesystem::file_size(fixture.folder.path / "millrace.db-wal") < 4u << 20);
    CHECK(std::filesystem::file_size(fixture.folder.path / "millrace.db") > 1u << 20);
}

TEST_CASE("a second daemon is refused, and told by whom, until the first has closed") {
    test::Fixture fixture;
    fixture.open();
    const auto second = open_sqlite(fixture.options, fixture.log, fixture.metrics);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Code::conflict);
    CHECK(second.error().detail.find(fmt::format("process {}", ::getpid())) != std::string::npos);
    fixture.database.reset();
    fixture.open();
}
