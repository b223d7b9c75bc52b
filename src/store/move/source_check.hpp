// Whether a store can be moved: everything that stands in the way is found, and said together.
#pragma once
#include "store/move.hpp"
#include "store/move/side.hpp"

namespace millrace::store {

// Adds to the report's obstacles, notices and tables. Reads every row. `to_postgres`: its texts have to fit there.
void check_source(Side& source, const MoveOptions& options, const MoveWatch& watch, MoveReport& report);

} // namespace millrace::store
