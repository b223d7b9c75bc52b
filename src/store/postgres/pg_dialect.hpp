// What PostgreSQL calls otherwise than the common dialect of the repositories, which is what SQLite takes as it is:
//   json_each($N)   the texts of a JSON array, one a row, in a column `value`
//   instr(a, b)     where b begins in a, from 1; 0: nowhere
// Everything else is written so that both take it: every parameter has a type from its place or a CAST, a column that
// an upsert adds to is named with its table, a query that may find many rows has a LIMIT.
#pragma once
#include <string>
#include <string_view>

namespace millrace::store {

std::string in_postgres(std::string_view sql);

} // namespace millrace::store
