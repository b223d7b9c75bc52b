#include "store/postgres/pg_dialect.hpp"

#include <doctest/doctest.h>

using millrace::store::in_postgres;

TEST_CASE("what PostgreSQL calls otherwise is translated, and nothing else is touched") {
    CHECK(
        in_postgres("SELECT 1 FROM jobs WHERE id IN (SELECT value FROM json_each($9)) AND id < $2") ==
        "SELECT 1 FROM jobs WHERE id IN (SELECT value FROM json_array_elements_text(CAST($9 AS json)) AS each(value)) "
        "AND id < $2");
    CHECK(in_postgres("SELECT instr(files, $1) > 0") == "SELECT strpos(files, $1) > 0");
    CHECK(in_postgres("UPDATE jobs SET state = $1") == "UPDATE jobs SET state = $1");
}
