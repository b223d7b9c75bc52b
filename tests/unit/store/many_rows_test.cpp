// The verbs for many rows at once: what they do does not depend on when a driver sends them.
#include "unit/store/many_rows.hpp"

#include "values/principal.hpp"

using namespace millrace;
using namespace millrace::store;
using test::insert_organization;
using test::inserting;
using test::names;
using test::run_as_group;

TEST_CASE("an inserted row is there for the next statement of the task, and of another") {
    test::Fixture fixture;
    auto& database = fixture.open();
    std::string seen, seen_by_next;
    const auto outcomes = run_as_group(database, {[&seen](SystemSession& session) -> Result<void> {
                                                      session.insert(insert_organization, {"a", "a", 1});
                                                      session.insert(insert_organization, {"b", "b", 1});
                                                      seen = names(session);
                                                      session.insert(insert_organization, {"c", "c", 1});
                                                      return success();
                                                  },
                                                  [&seen_by_next](SystemSession& session) -> Result<void> {
                                                      seen_by_next = names(session);
                                                      return success();
                                                  }});
    CHECK(outcomes[0]);
    CHECK(seen == "a b ");
    CHECK(seen_by_next == "a b c ");
    CHECK(names(database) == "a b c ");
}

TEST_CASE("more rows than one statement takes are all inserted, with every value as it was given") {
    test::Fixture fixture;
    auto& database = fixture.open();
    constexpr int count = 1500;
    const auto done = database.write_blocking([](SystemSession& session) -> Result<void> {
        for (int i = 0; i < count; ++i) {
            const auto name = i % 3 == 0 ? std::string{} : std::string(static_cast<std::size_t>(i), 'x');
            session.insert(insert_organization, {std::to_string(i), name + "'\"\\" + std::to_string(i), i});
        }
        return success();
    });
    REQUIRE(done);
    const auto wrong = database.read_blocking([](SystemSession& session) -> Result<std::int64_t> {
        std::int64_t found = 0, bad = 0;
        auto rows = session.scan("SELECT id, name, created_at FROM organizations WHERE name <> 'default'");
        while (rows.next()) {
            ++found;
            const int i = std::stoi(rows.string(0));
            const auto name = i % 3 == 0 ? std::string{} : std::string(static_cast<std::size_t>(i), 'x');
            if (rows.text(1) != name + "'\"\\" + std::to_string(i) || rows.integer(2) != i) ++bad;
        }
        return bad + std::abs(count - found);
    });
    CHECK(wrong.value() == 0);
}

TEST_CASE("an empty text and NULL stay what they are in an inserted row") {
    test::Fixture fixture;
    auto& database = fixture.open();
    std::string seen;
    const auto done = database.write_blocking([&seen](SystemSession& session) -> Result<void> {
        constexpr Sql insert_queue{"INSERT INTO queues (organization_id, name, settings, pause_reason, updated_at) "
                                   "VALUES ($1, $2, '{}', $3, 1)"};
        session.insert(insert_queue, {values::default_organization, "a", ""});
        session.insert(insert_queue, {values::default_organization, "b", nullptr});
        auto rows = session.query("SELECT pause_reason FROM queues ORDER BY name");
        while (rows.next()) seen += rows.is_null(0) ? "NULL " : "'" + rows.string(0) + "' ";
        return success();
    });
    CHECK(done);
    CHECK(seen == "'' NULL ");
}

TEST_CASE("a row that is refused fails the task that inserted it, and no other of its group") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto outcomes = run_as_group(database, {inserting("a"), inserting("b"), inserting("a"), inserting("c")});
    CHECK(outcomes[0]);
    CHECK(outcomes[1]);
    CHECK(outcomes[2].error().code == Code::internal);
    CHECK(outcomes[3]);
    CHECK(names(database) == "a b c ");
}

TEST_CASE("a savepoint takes inserted rows back, and only its own") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto done = database.write_blocking([](SystemSession& session) -> Result<void> {
        session.insert(insert_organization, {"before", "before", 1});
        const auto refused = session.savepoint([&session]() -> Result<void> {
            session.insert(insert_organization, {"x", "x", 1});
            return Error{Code::conflict, "no"};
        });
        CHECK_FALSE(refused);
        CHECK_THROWS_AS(session.savepoint([&session]() -> Result<void> {
            session.insert(insert_organization, {"before", "before", 1});
            return success();
        }),
                        DatabaseError);
        session.insert(insert_organization, {"after", "after", 1});
        return success();
    });
    CHECK(done);
    CHECK(names(database) == "after before ");
}

TEST_CASE("one write for each of many rows tells how many rows each has changed") {
    test::Fixture fixture;
    auto& database = fixture.open();
    std::vector<std::int64_t> changed, of_none;
    const auto done = database.write_blocking([&](SystemSession& session) -> Result<void> {
        constexpr Sql rename{"UPDATE organizations SET name = $2 WHERE id = $1"};
        for (const char* name : {"a", "b", "c"}) session.insert(insert_organization, {name, name, 1});
        std::vector<std::array<Value, 2>> rows;
        for (const char* id : {"c", "nobody", "a"}) rows.push_back({id, id});
        rows[0][1] = "z";
        changed = session.execute_each(rename, rows);
        of_none = session.execute_each(rename, std::vector<std::array<Value, 2>>{});
        return success();
    });
    CHECK(done);
    CHECK(changed == std::vector<std::int64_t>{1, 0, 1});
    CHECK(of_none.empty());
    CHECK(names(database) == "a b z ");
}

TEST_CASE("one query for each of many rows visits them in their order") {
    test::Fixture fixture;
    auto& database = fixture.open();
    std::string seen;
    const auto done = database.write_blocking([&seen](SystemSession& session) -> Result<void> {
        for (const char* name : {"a", "b", "c"}) session.insert(insert_organization, {name, name, 1});
        std::vector<std::array<Value, 1>> wanted;
        for (const char* from : {"b", "z", "a"}) wanted.push_back({from});
        session.query_each("SELECT name FROM organizations WHERE id >= $1 AND name <> 'default' ORDER BY name", wanted,
                           [&seen](std::size_t index, Rows& rows) {
                               seen += std::to_string(index) + ":";
                               while (rows.next()) seen += rows.string(0);
                               seen += " ";
                           });
        return success();
    });
    CHECK(done);
    CHECK(seen == "0:bc 1: 2:abc ");
}
