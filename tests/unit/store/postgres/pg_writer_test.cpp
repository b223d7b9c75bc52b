// What the PostgreSQL driver does when the server, the connection or another daemon is in its way.
#include "unit/store/groups.hpp"
#include "unit/store/postgres/lossy_proxy.hpp"

#include "store/postgres/pg_link.hpp"

#include <atomic>

using namespace millrace;
using namespace millrace::store;
using namespace std::chrono_literals;
using test::adding;
using test::LossyProxy;
using test::run_as_group;

namespace {

struct PgFixture {
    test::Folder folder;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1}; // nowhere
    telemetry::Metrics metrics;
    LossyProxy proxy{test::PostgresDatabases::all().url(folder.path)};
    PostgresOptions options{.url = proxy.url(), .data = folder.path, .patience = 300ms, .on_failure = {}};
    std::unique_ptr<Database> database;

    Database& open() {
        auto opened = open_postgres(options, log, metrics);
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().detail));
        database = std::move(*opened);
        return *database;
    }
    // Not by way of the proxy.
    std::string ask(const std::string& sql) {
        PgConnection connection{test::PostgresDatabases::all().url(folder.path), "tests", 10s};
        connection.connect();
        return connection.text(sql).value_or("");
    }
    bool until(const std::function<bool()>& condition) {
        for (const auto end = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < end;) {
            if (condition()) return true;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    }
};

} // namespace

TEST_SUITE_BEGIN("postgres" * doctest::skip(test::postgres_server() == nullptr));

TEST_CASE("a task that fails after it has written takes nobody with it") {
    PgFixture fixture;
    auto& database = fixture.open();
    const auto outcomes = run_as_group(database, {adding("a"),
                                                  [](SystemSession& session) -> Result<void> {
                                                      if (auto done = test::add_organization(session, "x"); !done)
                                                          return done;
                                                      return Error{Code::conflict, "too late"};
                                                  },
                                                  [](SystemSession& session) -> Result<void> {
                                                      if (auto done = test::add_organization(session, "y"); !done)
                                                          return done;
                                                      return test::add_organization(session, "y");
                                                  },
                                                  adding("b")});
    CHECK(outcomes[0]);
    CHECK(outcomes[1].error().code == Code::conflict);
    CHECK(outcomes[2].error().code == Code::internal);
    CHECK(outcomes[3]);
    CHECK(fixture.ask("SELECT string_agg(name, ',' ORDER BY name) FROM organizations WHERE name <> 'default'") ==
          "a,b");
}

TEST_CASE("a group that stood in another transaction's way runs again") {
    PgFixture fixture;
    auto& database = fixture.open();
    std::atomic<int> runs{0};
    const auto outcomes = run_as_group(database, {adding("a"), [&](SystemSession& session) -> Result<void> {
                                                      if (++runs < 3)
                                                          throw DatabaseError{Fault::conflict, "a deadlock"};
                                                      return test::add_organization(session, "b");
                                                  }});
    CHECK(outcomes[0]);
    CHECK(outcomes[1]);
    CHECK(runs == 3);
    CHECK(test::added(database) == 2);
}

TEST_CASE("a group whose connection is lost runs again on a new one, as readers do") {
    PgFixture fixture;
    auto& database = fixture.open();
    CHECK(test::added(database) == 0);
    fixture.ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND "
                "pid <> pg_backend_pid()");
    CHECK(database.write_blocking(adding("a")));
    CHECK(test::added(database) == 1);
}

TEST_CASE("a commit whose answer was lost is told as committed, and one that never arrived runs again") {
    for (const auto lost : {LossyProxy::Lose::its_answer, LossyProxy::Lose::the_commit}) {
        PgFixture fixture;
        std::atomic<int> commits{0}, runs{0};
        fixture.options.on_commit = [&](const Changes&) { ++commits; };
        auto& database = fixture.open();
        fixture.proxy.lose(lost);
        const auto done = database.write_blocking([&](SystemSession& session) -> Result<void> {
            ++runs;
            session.publish(7);
            return test::add_organization(session, "a");
        });
        CHECK(done);
        CHECK(runs == (lost == LossyProxy::Lose::its_answer ? 1 : 2));
        CHECK(commits == 1);
        CHECK(test::added(database) == 1);
        CHECK(database.write_blocking(adding("b")));
    }
}

TEST_CASE("a server that is away is told, writes are refused after a while, and all goes on when it is back") {
    PgFixture fixture;
    auto& database = fixture.open();
    CHECK_FALSE(database.unreachable());
    fixture.proxy.set_away(true);
    CHECK(fixture.until([&] { return database.unreachable().has_value(); }));
    CHECK(database.write_blocking(adding("a")).error().code == Code::unavailable);
    CHECK(database.read_blocking([](SystemSession&) -> Result<void> { return success(); }).error().code ==
          Code::unavailable);
    fixture.proxy.set_away(false);
    CHECK(fixture.until([&] { return !database.unreachable(); }));
    CHECK(database.write_blocking(adding("b")));
    CHECK(test::added(database) == 1);
    CHECK_FALSE(database.failure());
}

TEST_CASE("while a commit is in doubt nobody is told, and those behind it are refused") {
    PgFixture fixture;
    auto& database = fixture.open();
    std::atomic<bool> told{false};
    std::promise<Result<void>> outcome;
    fixture.proxy.lose(LossyProxy::Lose::its_answer_and_the_server);
    database.post_write(adding("a"), [&](Result<void> done) {
        told = true;
        outcome.set_value(std::move(done));
    });
    CHECK(fixture.until([&] { return database.unreachable().has_value(); }));
    CHECK(database.write_blocking(adding("b")).error().code == Code::unavailable);
    CHECK_FALSE(told);
    fixture.proxy.set_away(false);
    CHECK(outcome.get_future().get());
    CHECK(test::added(database) == 1);
}

TEST_CASE("a second daemon is refused; one whose place was taken writes no more") {
    PgFixture fixture;
    std::atomic<int> failures{0};
    fixture.options.on_failure = [&](const std::string&) { ++failures; };
    auto& database = fixture.open();
    const test::Folder other;
    auto options = fixture.options;
    options.data = other.path;
    const auto second = open_postgres(options, fixture.log, fixture.metrics);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Code::conflict);

    fixture.ask("UPDATE nodes SET epoch = epoch + 1 RETURNING 1");
    CHECK(database.write_blocking(adding("late")).error().code == Code::unavailable);
    CHECK(database.failure().has_value());
    CHECK(failures == 1);
    CHECK(fixture.ask("SELECT count(*) FROM organizations WHERE name = 'late'") == "0");
}

TEST_CASE("a database that comes back without what was acknowledged stops the store") {
    PgFixture fixture;
    auto& database = fixture.open();
    CHECK(database.write_blocking(adding("a")));
    fixture.ask("UPDATE nodes SET group_no = group_no - 1 RETURNING 1"); // as in an older copy
    fixture.ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND "
                "pid <> pg_backend_pid()");
    CHECK(database.write_blocking(adding("b")).error().code == Code::unavailable);
    CHECK(database.failure().value_or("").find("lost commits") != std::string::npos);
}

TEST_CASE("a server that cannot be reached is told at the start") {
    const test::Folder folder;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1};
    telemetry::Metrics metrics;
    const auto opened =
        open_postgres({.url = "postgres:///x?host=" + folder.path.string(), .data = folder.path, .on_failure = {}}, log,
                      metrics);
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == Code::unavailable);
}

TEST_SUITE_END();
