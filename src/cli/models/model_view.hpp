// Models as people read them. Pure.
#pragma once
#include "base/clock.hpp"
#include "base/json.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

#include <iosfwd>

namespace millrace::cli {

// One row a version.
Table version_table();
void add_version_rows(Table& table, const json::value& model, Timestamp now);

// All about one version but its manifest, one line each. `statistics` is its entry in the model's statistics, or null.
void print_version(std::ostream& out, const json::value& model, const json::value& version,
                   const json::value& statistics, Timestamp now);

} // namespace millrace::cli
