#include "unit/store/move/two_stores.hpp"

#include "store/move/pg_side.hpp"
#include "store/move_marks.hpp"
#include "store/postgres/pg_schema.hpp"

using namespace millrace;
using namespace millrace::store;

namespace {

const std::vector<Migration> migrations = load_migrations(embedded::migrations()).value();

Result<void> start(SqliteSide& side) { return migrate(side.connection(), migrations, migrations.back().version, {1}); }

} // namespace

TEST_CASE("no daemon starts on a database that is being filled, or whose rows were moved away") {
    test::TwoStores stores;
    REQUIRE(start(stores.source));
    const auto filling = start(stores.target);
    REQUIRE_FALSE(filling);
    CHECK(filling.error().detail.find("a move from a test into this database is not finished") != std::string::npos);
    CHECK(schema_of(stores.target) == migrations.back().version);

    retire(stores.source, stores.shapes, "postgres://there");
    CHECK(mark_of(stores.source) == StoreMark{moved_away, "postgres://there"});
    const auto retired = start(stores.source);
    REQUIRE_FALSE(retired);
    CHECK(retired.error().detail.find("were moved to postgres://there") != std::string::npos);
    CHECK(retired.error().detail.find("set store.url") != std::string::npos);
    for (const char* statement :
         {"DELETE FROM organizations", "UPDATE organizations SET weight = 2",
          "INSERT INTO queues (organization_id, name, settings, updated_at) VALUES ('o', 'q', '{}', 1)"})
        CHECK_THROWS_AS(stores.source.script(statement), DatabaseError);

    end_filling(stores.target, {{"events", 77}});
    CHECK_FALSE(mark_of(stores.target));
    REQUIRE(start(stores.target));
    CHECK(stores.target.counters().at("events") == 77);
}

TEST_CASE("a target whose rows do not fit together is not completed") {
    test::TwoStores stores;
    stores.target.script("INSERT INTO sessions VALUES ('s', 'nobody', 'no key', 1, 1, 1)");
    CHECK_THROWS_AS(rehearse_end(stores.target), DatabaseError);
    CHECK_THROWS_AS(end_filling(stores.target, {}), DatabaseError);
    CHECK(mark_of(stores.target)->version == being_filled);
    stores.target.script("DELETE FROM sessions");
    rehearse_end(stores.target);
    CHECK(mark_of(stores.target)->version == being_filled);
}

TEST_SUITE_BEGIN("postgres" * doctest::skip(test::postgres_server() == nullptr));

TEST_CASE("on PostgreSQL the rules between tables are put aside while it is filled, and hold again after it") {
    const test::Folder folder;
    PgSide side{test::PostgresDatabases::all().url(folder.path)};
    const auto rules = [&side] {
        return side.connection().text("SELECT string_agg(conrelid::regclass || pg_get_constraintdef(oid), ';' ORDER BY "
                                      "conrelid::regclass::text, conname) FROM pg_constraint WHERE contype = 'f'");
    };
    const auto before = rules();
    REQUIRE(before);
    begin_filling(side, "a test");
    CHECK_FALSE(rules());
    side.script("INSERT INTO sessions VALUES ('s', '00000000-0000-7000-8000-000000000001', 'no key', 1, 1, 1)");
    CHECK_THROWS_AS(end_filling(side, {}), DatabaseError);
    CHECK(mark_of(side)->version == being_filled);
    side.script("DELETE FROM sessions");
    rehearse_end(side);
    CHECK_FALSE(rules());
    end_filling(side, {{"events", std::int64_t{1} << 40}});
    CHECK(rules() == before);
    CHECK(side.counters().at("events") == std::int64_t{1} << 40);
    CHECK_FALSE(mark_of(side));

    retire(side, side.tables(), "sqlite:/there");
    CHECK_THROWS_AS(side.script("DELETE FROM jobs"), DatabaseError);
    CHECK_THROWS_AS(side.script("TRUNCATE jobs"), DatabaseError);
}

TEST_CASE("both databases give the same shapes, rows and hashes") {
    test::TwoStores stores;
    const test::Folder folder;
    PgSide postgres{test::PostgresDatabases::all().url(folder.path)};
    CHECK(shape_differences(stores.shapes, postgres.tables()).empty());
    begin_filling(postgres, "a test");
    for (const char* text : {"", "\\N", "a\tb\nc\rd\\", "ä\U0001f600", "\\x41"})
        stores.source.connection().script(
            fmt::format("INSERT INTO organizations VALUES ('{0}', '{0}', -1, 9223372036854775807)", text));
    stores.source.script(
        "INSERT INTO flows (id, organization_id, name, created_by, created_at, jobs) VALUES ('f', 'o', 'a' "
        "|| char(0) || 'b', '', 1, 2)");
    for (const char* table : {"organizations", "flows"}) {
        TableCopy copy{stores.source, postgres, stores.shape(table), 2, stores.watch};
        copy.copy_missing();
        CHECK(copy.source_sum() == copy.target_sum());
        TableCopy again{stores.source, postgres, stores.shape(table), 2, stores.watch};
        CHECK(again.drop_changed() == 0);
    }
}

TEST_SUITE_END();
