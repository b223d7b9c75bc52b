// What every driver does with the tasks that it is given.
#include "unit/store/groups.hpp"

#include "async/io_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include <atomic>
#include <latch>

using namespace millrace;
using namespace millrace::store;
using millrace::store::test::adding;
using millrace::store::test::Blocker;
using millrace::store::test::run_as_group;

TEST_CASE("writes that wait together are committed together") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto groups = database.stats().groups;
    std::vector<test::WriteTask> tasks;
    for (int i = 0; i < 200; ++i) tasks.emplace_back(adding(fmt::format("o{}", i)));
    for (const auto& outcome : run_as_group(database, tasks)) CHECK(outcome);
    CHECK(database.stats().groups - groups == 2); // the blocker's own, and ours
    CHECK(test::added(database) == 200);
}

TEST_CASE("a group is never larger than its limit") {
    test::Fixture fixture;
    fixture.options.group_limit = 16;
    auto& database = fixture.open();
    const auto groups = database.stats().groups;
    std::vector<test::WriteTask> tasks;
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

TEST_CASE("what a task has published is heard of once, after its commit, and nothing of a task that failed") {
    struct Named {
        std::string name;
    };
    test::Fixture fixture;
    std::vector<std::string> heard;
    fixture.options.on_commit = [&](const Changes& changes) {
        for (const auto& item : changes)
            if (item.kind == Changes::kind<Named>())
                heard.push_back(static_cast<const Named*>(item.change.get())->name);
    };
    auto& database = fixture.open();
    const auto naming = [](const std::string& name) -> test::WriteTask {
        return [name](SystemSession& session) -> Result<void> {
            session.publish(Named{name});
            return test::add_organization(session, name);
        };
    };
    const auto outcomes =
        run_as_group(database, {naming("a"), naming("a"), naming("b"), [](SystemSession& session) -> Result<void> {
                                    session.publish(Named{"c"});
                                    return Error{Code::conflict, "no"};
                                }});
    CHECK_FALSE(outcomes[1]);
    CHECK(heard == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a task that fails after it has written leaves nothing, and the store works on") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const std::vector<test::WriteTask> failing{[](SystemSession& session) -> Result<void> {
                                                   if (auto done = test::add_organization(session, "x"); !done)
                                                       return done;
                                                   return Error{Code::conflict, "too late"};
                                               },
                                               [](SystemSession& session) -> Result<void> {
                                                   if (auto done = test::add_organization(session, "x"); !done)
                                                       return done;
                                                   return test::add_organization(session, "x");
                                               },
                                               [](SystemSession& session) -> Result<void> {
                                                   if (auto done = test::add_organization(session, "x"); !done)
                                                       return done;
                                                   throw std::runtime_error{"no"};
                                               }};
    for (const auto& task : failing) CHECK_FALSE(run_as_group(database, {task})[0]);
    CHECK(test::added(database) == 0);
    CHECK_FALSE(database.failure());
    CHECK(database.write_blocking(adding("c")));
}
