#include "store/postgres/pg_inserts.hpp"

#include "unit/store/many_rows.hpp"

using namespace millrace;
using namespace millrace::store;
using test::insert_organization;
using test::inserting;
using test::names;
using test::run_as_group;

TEST_CASE("an INSERT of one row becomes one of several, with the parameters counted on") {
    CHECK(for_rows("INSERT INTO t (a, b) VALUES ($1, $2)", 2, 1) == "INSERT INTO t (a, b) VALUES ($1, $2)");
    CHECK(for_rows("INSERT INTO t (a, b, c) VALUES ($1, 'x', CAST($2 AS BIGINT)) ON CONFLICT DO NOTHING", 2, 3) ==
          "INSERT INTO t (a, b, c) VALUES ($1, 'x', CAST($2 AS BIGINT)), ($3, 'x', CAST($4 AS BIGINT)), "
          "($5, 'x', CAST($6 AS BIGINT)) ON CONFLICT DO NOTHING");
}

TEST_CASE("only an INSERT with one list of values and nothing returning can have several rows") {
    CHECK_THROWS_AS(for_rows("INSERT INTO t SELECT 1", 0, 2), DatabaseError);
    CHECK_THROWS_AS(for_rows("INSERT INTO t (a) VALUES ($1", 1, 2), DatabaseError);
    CHECK_THROWS_AS(for_rows("INSERT INTO t (a) VALUES ($1) RETURNING id", 1, 2), DatabaseError);
}

TEST_SUITE_BEGIN("postgres" * doctest::skip(test::postgres_server() == nullptr));

TEST_CASE("a task that fails after an insert leaves no row") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto outcomes = run_as_group(database, {inserting("a"), [](SystemSession& session) -> Result<void> {
                                                      session.insert(insert_organization, {"x", "x", 1});
                                                      return Error{Code::conflict, "too late"};
                                                  }});
    CHECK(outcomes[0]);
    CHECK(outcomes[1].error().code == Code::conflict);
    CHECK(names(database) == "a ");
}

TEST_CASE("a write of many that is refused fails its task alone") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto outcomes =
        run_as_group(database, {inserting("a"), inserting("b"),
                                [](SystemSession& session) -> Result<void> {
                                    std::vector<std::array<Value, 2>> rows;
                                    for (const char* id : {"a", "b"}) rows.push_back({id, "the same"});
                                    rows.push_back({"a", nullptr}); // a name is never NULL
                                    session.execute_each("UPDATE organizations SET name = $2 WHERE id = $1", rows);
                                    return success();
                                },
                                inserting("c")});
    CHECK(outcomes[1]);
    CHECK(outcomes[2].error().code == Code::internal);
    CHECK(outcomes[3]);
    CHECK(names(database) == "a b c ");
}

TEST_SUITE_END();
