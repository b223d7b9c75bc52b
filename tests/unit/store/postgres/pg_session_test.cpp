// What is PostgreSQL's own about values and rows.
#include "unit/store/test_session.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::store;

TEST_SUITE_BEGIN("postgres" * doctest::skip(test::postgres_server() == nullptr));

TEST_CASE("a text with U+0000 is stored with U+FFFD in its place") {
    test::TestSession transaction;
    auto rows = transaction.get().query("SELECT $1", {std::string_view{"a\0b", 3}});
    REQUIRE(rows.next());
    CHECK(rows.text(0) == "a\xef\xbf\xbd"
                          "b");
}

TEST_CASE("truth is one or zero, whole numbers keep their digits, and bytes come back") {
    test::TestSession transaction;
    auto rows = transaction.get().query(
        "SELECT CAST($1 AS BIGINT) = 1, CAST($1 AS BIGINT) = 2, CAST($2 AS BIGINT), CAST($3 AS bytea)",
        {1, std::numeric_limits<std::int64_t>::min(), std::as_bytes(std::span{"\x01\xff", 2})});
    REQUIRE(rows.next());
    CHECK(rows.integer(0) == 1);
    CHECK(rows.integer(1) == 0);
    CHECK(rows.integer(2) == std::numeric_limits<std::int64_t>::min());
    CHECK(rows.bytes(3).size() == 2);
    CHECK(rows.bytes(3)[1] == std::byte{0xff});
}

TEST_CASE("a scan gives all rows in pieces, lets others run between them, and may stop early") {
    test::TestSession transaction;
    auto& session = transaction.get();
    static constexpr Sql numbers{"SELECT generate_series(1, CAST($1 AS BIGINT))"};
    for (const int count : {0, 99, 100, 101, 5000}) {
        int seen = 0;
        auto rows = session.scan(numbers, {count});
        while (rows.next()) {
            CHECK(rows.integer(0) == ++seen);
            if (seen % 50 == 0) CHECK(session.query("SELECT 1", {}).next());
        }
        CHECK(seen == count);
    }
    {
        auto rows = session.scan(numbers, {1'000'000'000});
        CHECK(rows.next());
    }
    CHECK(session.scan(numbers, {1}).next());
}

TEST_SUITE_END();
