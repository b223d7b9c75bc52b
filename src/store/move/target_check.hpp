// Whether a database can take the rows: everything that stands in the way is found, and said together.
#pragma once
#include "store/move.hpp"
#include "store/move/pg_side.hpp"

#include <cstdint>
#include <filesystem>

namespace millrace::store {

// Adds to the report's obstacles and notices.
void check_target(PgSide& target, const MoveOptions& options, MoveReport& report);
// Of a move to SQLite: the folder, and what is in it. `filling` is the file that becomes the database.
void check_target(const std::filesystem::path& filling, const MoveOptions& options, MoveReport& report);

} // namespace millrace::store
