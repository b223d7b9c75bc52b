// Whether a server is one that Millrace works on: PostgreSQL from version 13, reached without a pooler, in UTF-8,
// taking writes.
#pragma once
#include "base/result.hpp"
#include "store/postgres/pg_connection.hpp"

namespace millrace::store {

// On an open connection. The error says everything that is wrong at once.
Result<void> check_server(PgConnection& connection);

} // namespace millrace::store
