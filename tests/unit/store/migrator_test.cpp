#include "fixture.hpp"

#include "store/sqlite/migrator.hpp"

using namespace millrace;
using namespace millrace::store;

namespace {

std::string schema(Connection& connection) {
    std::string all;
    auto& statement = connection.statement("SELECT type, name, sql FROM sqlite_master WHERE name <> 'schema_migrations' ORDER BY type, name");
    while (statement.step()) all += std::string{statement.text(0)} + " " + std::string{statement.text(1)} + ": " + std::string{statement.text(2)} + "\n";
    statement.close();
    return all;
}

embedded::File file(std::string_view path, std::string_view text) { return {path, std::as_bytes(std::span{text.data(), text.size()})}; }

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
    auto& tables = connection.statement("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT IN ('schema_migrations', 'organizations')");
    int count = 0;
    while (tables.step()) {
        ++count;
        CHECK_MESSAGE(tables.text(1).find("organization_id") != std::string_view::npos, std::string{tables.text(0)});
        CHECK_MESSAGE(tables.text(1).find("STRICT") != std::string_view::npos, std::string{tables.text(0)});
    }
    tables.close();
    CHECK(count >= 8);
}

TEST_CASE("what has not ended is found without reading the jobs that have") {
    test::Folder folder;
    const auto migrations = load_migrations(embedded::migrations()).value();
    Connection connection{folder.path / "test.db", Connection::Access::write};
    REQUIRE(migrate(connection, migrations, static_cast<int>(migrations.size()), {1}));
    for (const char* sql : {"EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE finished_at IS NULL AND state = 'running'",
                            "EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE finished_at IS NULL AND state IN ('queued', 'scheduled') ORDER BY run_at, id"}) {
        auto& plan = connection.statement(sql);
        REQUIRE(plan.step());
        CHECK(plan.text(3).find("jobs_unfinished") != std::string_view::npos);
        plan.close();
    }
}

TEST_CASE("a failing migration leaves the database at the step before it") {
    test::Folder folder;
    const std::vector<embedded::File> files{file("0001_a.down.sql", "DROP TABLE a;"), file("0001_a.up.sql", "CREATE TABLE a (x INTEGER) STRICT;"),
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
    const std::vector<embedded::File> gap{file("0001_a.down.sql", "x"), file("0001_a.up.sql", "x"), file("0003_b.down.sql", "x"), file("0003_b.up.sql", "x")};
    CHECK_FALSE(load_migrations(embedded::Files{gap}).has_value());
    const std::vector<embedded::File> one_way{file("0001_a.up.sql", "x")};
    CHECK_FALSE(load_migrations(embedded::Files{one_way}).has_value());
}

TEST_CASE("the database of a stopped daemon can be brought down and up again") {
    test::Fixture fixture;
    const int newest = fixture.open().stats().schema_version;
    CHECK(migrate_sqlite(fixture.folder.path, 0).error().code == Code::conflict); // it runs
    fixture.database.reset();
    CHECK(migrate_sqlite(fixture.folder.path, 0).value() == 0);
    CHECK(migrate_sqlite(fixture.folder.path).value() == newest);
    fixture.open();
}
