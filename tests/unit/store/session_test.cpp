#include "unit/store/fixture.hpp"

#include "values/principal.hpp"

using namespace millrace;
using namespace millrace::store;
using millrace::store::test::adding;

TEST_CASE("every kind of value comes back as it was stored, whatever the order of the parameters") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto id = JobId::make();
    const auto read = database.write_blocking([id](SystemSession& session) -> Result<void> {
        auto rows = session.query("SELECT $3, $1, $2, $4, $5, $6, $7",
                                  {id, "text", 42, 2.5, std::optional<std::string>{}, std::string{}, Timestamp{7}});
        REQUIRE(rows.next());
        CHECK(rows.integer(0) == 42);
        CHECK(rows.id<JobId>(1) == id);
        CHECK(rows.text(2) == "text");
        CHECK(rows.real(3) == 2.5);
        CHECK(rows.is_null(4));
        CHECK_FALSE(rows.is_null(5)); // empty text is not NULL
        CHECK(rows.time(6) == Timestamp{7});
        CHECK_FALSE(rows.next());
        CHECK_FALSE(rows.next());
        return success();
    });
    CHECK(read);
}

TEST_CASE("text bound to a query outlives the value that was passed") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto done = database.read_blocking([](SystemSession& session) -> Result<void> {
        auto rows = session.query(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i || $1 FROM n",
            {std::string(100, 'x')});
        int count = 0;
        while (rows.next()) {
            ++count;
            CHECK(rows.text(0) == std::to_string(count) + std::string(100, 'x'));
        }
        CHECK(count == 3);
        return success();
    });
    CHECK(done);
}

TEST_CASE("the wrong number of values is refused") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto too_few = database.read_blocking([](SystemSession& session) -> Result<void> {
        session.query("SELECT $1, $2", {1});
        return success();
    });
    REQUIRE_FALSE(too_few);
    CHECK(too_few.error().code == Code::internal);
}

TEST_CASE("a statement whose rows are being read cannot be started again, and can afterwards") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto done = database.read_blocking([](SystemSession& session) -> Result<void> {
        static constexpr Sql statement{"SELECT id FROM organizations"};
        {
            auto rows = session.query(statement);
            CHECK_THROWS_AS(session.query(statement), DatabaseError);
        }
        auto again = session.query(statement);
        CHECK(again.next());
        return success();
    });
    CHECK(done);
}

TEST_CASE("a tenant's session binds its organisation, and refuses SQL that does not name one") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto done = database.write_blocking([](SystemSession& session) -> Result<void> {
        OrganizationSession tenant{session, values::default_organization};
        CHECK_THROWS_AS(tenant.query("SELECT id FROM jobs"), DatabaseError);
        CHECK_THROWS_AS(tenant.query("SELECT id FROM jobs WHERE id = $1"), DatabaseError);
        CHECK_THROWS_AS(tenant.execute("DELETE FROM models WHERE organization_id = 'x'"), DatabaseError);

        tenant.execute("INSERT INTO models (organization_id, name, created_at) VALUES ($1, $2, $3)", {"digits", 5});
        auto rows =
            tenant.query("SELECT organization_id FROM models WHERE organization_id = $1 AND name = $2", {"digits"});
        REQUIRE(rows.next());
        CHECK(rows.id<OrganizationId>(0) == values::default_organization);

        OrganizationSession stranger{session, OrganizationId::make()};
        CHECK_FALSE(stranger.query("SELECT 1 FROM models WHERE organization_id = $1").next());
        return success();
    });
    CHECK(done);
}

TEST_CASE("a savepoint keeps its writes on success and takes them back on an error or an exception") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto done = database.write_blocking([](SystemSession& session) -> Result<void> {
        REQUIRE(test::add_organization(session, "before"));
        CHECK(session.savepoint([&]() -> Result<void> { return test::add_organization(session, "kept"); }));
        CHECK_FALSE(session.savepoint([&]() -> Result<void> {
            REQUIRE(test::add_organization(session, "gone"));
            return Error{Code::conflict, "no"};
        }));
        CHECK_THROWS_AS(session.savepoint([&]() -> Result<void> {
            REQUIRE(test::add_organization(session, "gone too"));
            return test::add_organization(session, "before"); // twice
        }),
                        DatabaseError);
        return success();
    });
    REQUIRE(done);
    CHECK(test::added(database) == 2);
}

TEST_CASE("RETURNING gives its row and writes once") {
    test::Fixture fixture;
    auto& database = fixture.open();
    REQUIRE(database.write_blocking([](SystemSession& session) -> Result<void> {
        auto rows = session.query("INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3) RETURNING name",
                                  {"a", "b", 1});
        REQUIRE(rows.next());
        CHECK(rows.text(0) == "b");
        CHECK_FALSE(rows.next());
        return success();
    }));
    CHECK(test::added(database) == 1);
}

TEST_CASE("readers cannot write") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto refused = database.read_blocking(adding("x"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::internal);
    CHECK(test::added(database) == 0);
}

TEST_CASE("a read that runs too long is stopped, and the reader works on") {
    test::Fixture fixture;
    fixture.options.read_limit = std::chrono::milliseconds{50};
    fixture.options.readers = 1;
    auto& database = fixture.open();
    const auto count_to = [](std::int64_t last) {
        return [last](SystemSession& session) -> Result<std::int64_t> {
            auto rows = session.query("WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n "
                                      "WHERE i < $1) SELECT count(*) FROM n",
                                      {last});
            return rows.integer(0);
        };
    };
    std::promise<Result<std::int64_t>> promise;
    database.post_read(count_to(INT64_MAX),
                       [&](Result<std::int64_t> outcome) { promise.set_value(std::move(outcome)); });
    const auto endless = promise.get_future().get();
    REQUIRE_FALSE(endless.has_value());
    CHECK(endless.error().code == Code::timed_out);
    CHECK(database.read_blocking(count_to(2'000'000)).value() ==
          2'000'000); // longer than the limit, which is not for these
    CHECK(test::added(database) == 0);
}

TEST_CASE("an unlimited read does not hold up the end of the store") {
    test::Fixture fixture;
    auto& database = fixture.open();
    std::promise<void> started;
    std::promise<Result<std::int64_t>> promise;
    database.post_read(
        [&](SystemSession& session) -> Result<std::int64_t> {
            started.set_value();
            auto rows = session.query("WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n) "
                                      "SELECT count(*) FROM n");
            return rows.integer(0);
        },
        [&](Result<std::int64_t> outcome) { promise.set_value(std::move(outcome)); }, ReadTime::unlimited);
    started.get_future().wait();
    database.close();
    CHECK_FALSE(promise.get_future().get().has_value());
}

TEST_CASE("a read sees one state of the database, whatever is written meanwhile") {
    test::Fixture fixture;
    auto& database = fixture.open();
    const auto done = database.read_blocking([&database](SystemSession& session) -> Result<void> {
        const auto count = [&] {
            auto rows = session.query("SELECT count(*) FROM organizations");
            rows.next();
            return rows.integer(0);
        };
        const auto before = count();
        REQUIRE(database.write_blocking(adding("meanwhile")));
        CHECK(count() == before);
        return success();
    });
    REQUIRE(done);
    CHECK(test::added(database) == 1);
}
