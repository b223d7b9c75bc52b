#include "config/store_url.hpp"

#include <doctest/doctest.h>

using namespace millrace::config;

TEST_CASE("the URL of the store is PostgreSQL's or empty") {
    CHECK(parse_store_url("").has_value());
    CHECK(parse_store_url("postgres://millrace@db.example:5433/millrace?sslmode=verify-full").has_value());
    CHECK(parse_store_url("postgresql:///millrace?host=/run/postgresql").has_value());
    for (const auto* wrong : {"mysql://x/y", "/var/lib/db", "host=x dbname=y", "postgres"})
        CHECK_FALSE(parse_store_url(wrong).has_value());
}

TEST_CASE("the password in the URL of the store is never shown") {
    CHECK(without_password("postgres://a:secret@b/c") == "postgres://a:***@b/c");
    CHECK(without_password("postgres://a:s@cret@b:5432/c?x=y") == "postgres://a:***@b:5432/c?x=y");
    CHECK(without_password("postgres://b/c?password=secret&sslmode=require") ==
          "postgres://b/c?password=***&sslmode=require");
    CHECK(without_password("postgres://a@b:5432/c") == "postgres://a@b:5432/c");
    CHECK(without_password("").empty());
}
