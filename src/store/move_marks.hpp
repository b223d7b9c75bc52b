// Two rows of schema_migrations that keep every daemon off a database: the store that was moved away, and the one that
// a move is still filling. Their numbers are higher than any schema's, so that a daemon from before there were moves
// refuses them as well. Written by store/move, read by every migration.
#pragma once
#include "base/result.hpp"

#include <string>

namespace millrace::store {

constexpr int moved_away = 1'000'000;   // its name: where to
constexpr int being_filled = 1'000'001; // its name: where from

// Why no daemon may work on a database whose newest row is `version`, with `name` in it.
Error marked(int version, const std::string& name);

} // namespace millrace::store
