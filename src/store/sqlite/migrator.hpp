// Moves a SQLite database between versions of the schema.
#pragma once
#include "store/migrations.hpp"
#include "store/sqlite/connection.hpp"

namespace millrace::store {

// 0 for an empty database.
int schema_version(Connection& connection);

// As store/migrations.hpp says.
Result<void> migrate(Connection& connection, std::span<const Migration> migrations, int target, Timestamp now);

} // namespace millrace::store
