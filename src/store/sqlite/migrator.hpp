// Moves a database between versions of the schema, one transaction a step.
#pragma once
#include "base/clock.hpp"
#include "base/embedded.hpp"
#include "base/result.hpp"
#include "store/sqlite/connection.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::store {

struct Migration {
    int version = 0;
    std::string name;
    std::string_view up, down; // borrowed from `files`
};

// NNNN_name.up.sql and NNNN_name.down.sql, numbered from 1 without a gap; internal when they are not.
Result<std::vector<Migration>> load_migrations(const embedded::Files& files);

// 0 for an empty database.
int schema_version(Connection& connection);

// Applies what lies between the database's version and `target`, up or down. conflict when the database is newer than
// the last migration; a failing step leaves the database at the step before it.
Result<void> migrate(Connection& connection, std::span<const Migration> migrations, int target, Timestamp now);

} // namespace millrace::store
