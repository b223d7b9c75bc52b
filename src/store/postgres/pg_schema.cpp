#include "store/postgres/pg_schema.hpp"

namespace millrace::store {

void PgSchema::prepare() {
    connection_.script("CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, "
                       "applied_at BIGINT NOT NULL)");
}

int PgSchema::version() {
    return std::stoi(connection_.text("SELECT coalesce(max(version), 0) FROM schema_migrations").value_or("0"));
}

std::string PgSchema::name(int version) {
    return connection_.text("SELECT name FROM schema_migrations WHERE version = " + std::to_string(version))
        .value_or("");
}

void PgSchema::roll_back() noexcept {
    try {
        if (connection_.in_transaction()) connection_.script("ROLLBACK");
    } catch (const DatabaseError&) { // it ends with the connection
    }
}

} // namespace millrace::store
