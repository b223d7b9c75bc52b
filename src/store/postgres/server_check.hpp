// Whether a server is one that Millrace works on: PostgreSQL from version 13, reached without a pooler, in UTF-8,
// taking writes.
#pragma once
#include "base/result.hpp"
#include "store/postgres/pg_connection.hpp"

#include <string>
#include <vector>

namespace millrace::store {

// Everything that is wrong with it, on an open connection; empty: nothing is.
std::vector<std::string> server_faults(PgConnection& connection);
// The same as an error.
Result<void> check_server(PgConnection& connection);

} // namespace millrace::store
