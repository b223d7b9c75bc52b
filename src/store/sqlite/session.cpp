#include "store/sqlite/session.hpp"

namespace millrace::store {

Statement& SqliteSession::free_statement(const char* sql, const Value* tenant) {
    auto& statement = connection_.statement(sql);
    if (tenant && !statement.names_tenant())
        throw DatabaseError{Fault::misuse, std::string{"a tenant's statement must use organization_id and $1: "} + sql};
    if (statement.busy())
        throw DatabaseError{Fault::misuse, std::string{"the rows of this statement are still being read: "} + sql};
    return statement;
}

Rows SqliteSession::start_query(const char* sql, const Value* tenant, std::span<const Value> values) {
    auto& statement = free_statement(sql, tenant);
    statement.bind(tenant, values, Statement::Lifetime::copied);
    const bool ready = statement.step();
    if (statement.writes() && depth_ == 0) wrote_ = true;
    return Rows{statement, ready};
}

std::int64_t SqliteSession::start_execute(const char* sql, const Value* tenant, std::span<const Value> values) {
    auto& statement = free_statement(sql, tenant);
    statement.bind(tenant, values, Statement::Lifetime::outlives);
    while (statement.step()) {}
    statement.close();
    if (!statement.writes()) return 0;
    const auto changed = connection_.changes();
    if (changed > 0 && depth_ == 0) wrote_ = true;
    return changed;
}

void SqliteSession::begin_savepoint() {
    if (depth_ == 0) changes_before_ = connection_.total_changes();
    connection_.statement("SAVEPOINT task").run();
    ++depth_;
}

void SqliteSession::end_savepoint(bool keep) {
    if (!keep) connection_.statement("ROLLBACK TO task").run();
    connection_.statement("RELEASE task").run();
    if (--depth_ == 0 && keep && connection_.total_changes() != changes_before_) wrote_ = true;
}

void SqliteSession::abandon_savepoint() noexcept {
    --depth_;
    if (!connection_.in_transaction()) return; // SQLite has taken everything back by itself
    try {
        connection_.statement("ROLLBACK TO task").run();
        connection_.statement("RELEASE task").run();
    } catch (const DatabaseError&) {
        wrote_ = true; // what cannot be taken back alone goes with the whole group
    }
}

} // namespace millrace::store
