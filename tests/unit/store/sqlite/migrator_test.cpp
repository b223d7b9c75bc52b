#include "unit/store/fixture.hpp"

#include "store/sqlite/migrator.hpp"

using namespace millrace;
using namespace millrace::store;

namespace {

// Without what SQLite keeps for itself: the last event's number, so that none is given twice.
std::string schema(Connection& connection) {
    std::string all;
    auto& statement = connection.statement("SELECT type, name, sql FROM sqlite_master WHERE name NOT IN "
                                           "('schema_migrations', 'sqlite_sequence') ORDER BY type, name");
    while (statement.step())
        all += std::string{statement.text(0)} + " " + std::string{statement.text(1)} + ": " +
               std::string{statement.text(2)} + "\n";
    statement.close();
    return all;
}

embedded::File file(std::string_view path, std::string_view text) {
    return {path, std::as_bytes(std::span{text.data(), text.size()})};
}

} // namespace

TEST_CASE("migrating down takes everything away, and up again gives the same schema") {
    test::Folder folder;
    const auto migrations = load_migrations(embedded::migrations()).value();
    const int newest = static_cast<int>(migrations.size());
    Connection connection{folder.path / "test.db", Connection::Access::write};

    REQUIRE(migrate(connection, migrations, newest, {1}));
    const auto first = schema(connection);
    CHECK(schema_version(connection) == newest);
    CHECK(first.find("table jobs") != std::string::npos);

    REQUIRE(migrate(connection, migrations, 0, {2}));
    CHECK(schema(connection).empty());
    CHECK(schema_version(connection) == 0);

    REQUIRE(migrate(connection, migrations, newest, {3}));
    CHECK(schema(connection) == first);
}

TEST_CASE("every table whose rows belong to someone has organization_id") {
    test::Folder folder;
    const auto migrations = load_migrations(embedded::migrations()).value();
    Connection connection{folder.path / "test.db", Connection::Access::write};
    REQUIRE(migrate(connection, migrations, static_cast<int>(migrations.size()), {1}));
    // blob_removals belongs to nobody: it names files that no organisation has any more.
    auto& tables = connection.statement("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT IN "
                                        "('schema_migrations', 'organizations', "
                                        "'sqlite_sequence', 'blob_removals')");
    int count = 0;
    while (tables.step()) {
        ++count;
        CHECK_MESSAGE(tables.text(1).find("organization_id") != std::string_view::npos, std::string{tables.text(0)});
        CHECK_MESSAGE(tables.text(1).find("STRICT") != std::string_view::npos, std::string{tables.text(0)});
    }
    tables.close();
    CHECK(count >= 8);
}

TEST_CASE("dead letters, flows and old jobs are found in the history without reading it") {
    test::Folder folder;
    const auto migrations = load_migrations(embedded::migrations()).value();
    Connection connection{folder.path / "test.db", Connection::Access::write};
    REQUIRE(migrate(connection, migrations, static_cast<int>(migrations.size()), {1}));
    const std::pair<const char*, std::string_view> expected[] = {
        {"EXPLAIN QUERY PLAN SELECT id FROM finished_jobs WHERE organization_id = 'a' AND state = 'dead' AND id < 'b' "
         "ORDER BY id DESC LIMIT 50",
         "dead_letters"},
        {"EXPLAIN QUERY PLAN SELECT id FROM finished_jobs WHERE organization_id = 'a' AND flow_id = 'b'",
         "finished_jobs_by_flow"},
        {"EXPLAIN QUERY PLAN SELECT id FROM finished_jobs WHERE id > 'a' AND id < 'b' AND state = 'succeeded' AND "
         "finished_at < 1 ORDER BY id LIMIT 500",
         "id>? AND id<?"},
    };
    for (const auto& [sql, index] : expected) {
        auto& plan = connection.statement(sql);
        REQUIRE(plan.step());
        CHECK_MESSAGE(plan.text(3).find(index) != std::string_view::npos, std::string{plan.text(3)});
        CHECK_FALSE(plan.step()); // nothing is sorted
        plan.close();
    }
}

TEST_CASE("jobs of the first schema are sorted into what waits and what has ended, and come back together") {
    test::Folder folder;
    const auto migrations = load_migrations(embedded::migrations()).value();
    Connection connection{folder.path / "test.db", Connection::Access::write};
    REQUIRE(migrate(connection, migrations, 1, {1}));
    connection.script("INSERT INTO jobs (id, organization_id, kind, queue, state, priority, payload, tags, attempt, "
                      "max_attempts, timeout_us, created_at, "
                      "run_at, started_at, finished_at, result) VALUES "
                      "('1', 'o', 'echo', 'q', 'succeeded', 5, '{}', '{}', 1, 4, 9, 10, 10, 20, 50, '{\"a\":1}'), "
                      "('2', 'o', 'echo', 'q', 'running', 5, '{}', '{}', 1, 4, 9, 11, 11, 21, NULL, NULL), "
                      "('3', 'o', 'echo', 'q', 'scheduled', 7, '{\"b\":2}', '{}', 0, 4, 9, 12, 99, NULL, NULL, NULL)");
    REQUIRE(migrate(connection, migrations, static_cast<int>(migrations.size()), {2}));
    CHECK(connection.integer(
              "SELECT count(*) FROM finished_jobs WHERE id = '1' AND result = '{\"a\":1}' AND finished_at = 50") == 1);
    CHECK(connection.integer("SELECT count(*) FROM finished_jobs") == 1);
    CHECK(connection.integer("SELECT count(*) FROM jobs WHERE id = '2' AND state = 'running' AND attempt = 1") == 1);
    CHECK(connection.integer(
              "SELECT count(*) FROM jobs WHERE id = '3' AND run_at = 99 AND priority = 7 AND payload = '{\"b\":2}'") ==
          1);
    CHECK(connection.integer("SELECT run_us FROM job_totals WHERE jobs = 1 AND state = 'succeeded'") == 30);
    REQUIRE(migrate(connection, migrations, 1, {3}));
    CHECK(connection.integer("SELECT count(*) FROM jobs") == 3);
    CHECK(connection.integer("SELECT count(*) FROM jobs WHERE id = '1' AND state = 'succeeded' AND finished_at = 50 "
                             "AND result = '{\"a\":1}'") == 1);
}

TEST_CASE("the number of an event is never given twice, even when all of them were deleted") {
    test::Folder folder;
    const auto migrations = load_migrations(embedded::migrations()).value();
    Connection connection{folder.path / "test.db", Connection::Access::write};
    REQUIRE(migrate(connection, migrations, static_cast<int>(migrations.size()), {1}));
    const char* add =
        "INSERT INTO events (organization_id, type, subject, data, created_at) VALUES ('o', 'job.dead', 'x', '{}', 1)";
    connection.script(add);
    connection.script("DELETE FROM events");
    connection.script(add);
    CHECK(connection.integer("SELECT id FROM events") == 2);
}

TEST_CASE("a failing migration leaves the database at the step before it") {
    test::Folder folder;
    const std::vector<embedded::File> files{
        file("0001_a.down.sql", "DROP TABLE a;"), file("0001_a.up.sql", "CREATE TABLE a (x INTEGER) STRICT;"),
        file("0002_b.down.sql", "DROP TABLE b;"),
        file("0002_b.up.sql", "CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT;")};
    const auto migrations = load_migrations(embedded::Files{files}).value();
    Connection connection{folder.path / "test.db", Connection::Access::write};
    CHECK_FALSE(migrate(connection, migrations, 2, {1}));
    CHECK(schema_version(connection) == 1);
    CHECK(connection.integer("SELECT count(*) FROM sqlite_master WHERE name = 'b'") == 0);
}

TEST_CASE("a database of a newer schema is refused") {
    test::Folder folder;
    const auto migrations = load_migrations(embedded::migrations()).value();
    const int newest = static_cast<int>(migrations.size());
    Connection connection{folder.path / "test.db", Connection::Access::write};
    REQUIRE(migrate(connection, migrations, newest, {1}));
    connection.script("INSERT INTO schema_migrations VALUES (99, 'later', 1)");
    const auto done = migrate(connection, migrations, newest, {2});
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Code::conflict);
}

TEST_CASE("migrations that are numbered with a gap or lack a way back are refused") {
    const std::vector<embedded::File> gap{file("0001_a.down.sql", "x"), file("0001_a.up.sql", "x"),
                                          file("0003_b.down.sql", "x"), file("0003_b.up.sql", "x")};
    CHECK_FALSE(load_migrations(embedded::Files{gap}).has_value());
    const std::vector<embedded::File> one_way{file("0001_a.up.sql", "x")};
    CHECK_FALSE(load_migrations(embedded::Files{one_way}).has_value());
}

TEST_CASE("the database of a stopped daemon can be brought down and up again") {
    test::Fixture fixture;
    const int newest = fixture.open_sqlite().stats().schema_version;
    CHECK(migrate_sqlite(fixture.folder.path, 0).error().code == Code::conflict); // it runs
    fixture.database.reset();
    CHECK(migrate_sqlite(fixture.folder.path, 0).value() == 0);
    CHECK(migrate_sqlite(fixture.folder.path).value() == newest);
    fixture.open_sqlite();
}
