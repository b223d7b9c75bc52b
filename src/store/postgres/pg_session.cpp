#include "store/postgres/pg_session.hpp"

namespace millrace::store {

void PgSession::check(const PgStatement& statement, const Value* tenant) const {
    if (tenant && !statement.names_tenant())
        throw DatabaseError{Fault::misuse,
                            std::string{"a tenant's statement must use organization_id and $1: "} + statement.sql()};
    if (statement.busy())
        throw DatabaseError{Fault::misuse,
                            std::string{"the rows of this statement are still being read: "} + statement.sql()};
}

PgStatement& PgSession::run(const char* sql, const Value* tenant, std::span<const Value> values) {
    inserts_.send();
    auto& statement = connection_.statement(sql);
    check(statement, tenant);
    connection_.run(statement, tenant, values);
    if (statement.writes()) changed_ += statement.changed();
    return statement;
}

Rows PgSession::start_query(const char* sql, const Value* tenant, std::span<const Value> values) {
    auto& statement = run(sql, tenant, values);
    return Rows{statement, statement.step()};
}

Rows PgSession::start_scan(const char* sql, const Value* tenant, std::span<const Value> values) {
    inserts_.send();
    auto& scan = connection_.scan(sql);
    check(scan, tenant);
    scan.start(PgParameters{tenant, values});
    return Rows{scan, scan.step()};
}

std::int64_t PgSession::start_execute(const char* sql, const Value* tenant, std::span<const Value> values) {
    auto& statement = run(sql, tenant, values);
    const auto changed = statement.writes() ? statement.changed() : 0;
    statement.close();
    return changed;
}

void PgSession::begin_savepoint() {
    inserts_.send();
    if (depth_ == 0) changed_before_ = changed_;
    connection_.script("SAVEPOINT task");
    ++depth_;
}

void PgSession::start_insert(const char* sql, const Value* tenant, std::span<const Value> values) {
    inserts_.add(sql, tenant, values);
    ++changed_;
}

std::vector<PgResult> PgSession::run_each(PgStatement& statement, std::span<const Value> values, std::size_t width) {
    std::vector<PgParameters> parameters;
    std::vector<PgRun> runs;
    parameters.reserve(values.size() / width);
    for (; !values.empty(); values = values.subspan(width)) {
        const auto& each = parameters.emplace_back(nullptr, values.first(width));
        statement.check(each);
        runs.push_back({&statement.name(), each.count(), each.data(), each.sizes(), each.formats()});
    }
    return connection_.run_all(runs, statement.sql());
}

std::vector<std::int64_t> PgSession::start_execute_each(const char* sql, std::span<const Value> values,
                                                        std::size_t width) {
    std::vector<std::int64_t> changed;
    if (values.empty()) return changed;
    inserts_.send();
    auto& statement = connection_.statement(sql);
    check(statement, nullptr);
    for (auto& result : run_each(statement, values, width)) {
        statement.keep(std::move(result));
        changed_ += changed.emplace_back(statement.changed());
    }
    statement.close();
    return changed;
}

void PgSession::start_query_each(const char* sql, std::span<const Value> values, std::size_t width,
                                 const Visit& visit) {
    if (values.empty()) return;
    inserts_.send();
    auto& statement = connection_.statement(sql);
    check(statement, nullptr);
    std::size_t index = 0;
    for (auto& result : run_each(statement, values, width)) {
        statement.keep(std::move(result));
        Rows rows{statement, statement.step()};
        visit(index++, rows);
    }
}

// Inner savepoints that are taken back leave the count too high: what counts then is only whether it is zero.
void PgSession::end_savepoint(bool keep) {
    if (keep) inserts_.send();
    else inserts_.forget();
    connection_.script(keep ? "RELEASE task" : "ROLLBACK TO task; RELEASE task");
    if (--depth_ == 0 && !keep) changed_ = changed_before_;
}

void PgSession::abandon_savepoint() noexcept {
    inserts_.forget();
    if (--depth_ == 0) changed_ = changed_before_;
    if (!connection_.in_transaction()) return; // the connection is lost, and everything is taken back
    try {
        connection_.script("ROLLBACK TO task; RELEASE task");
    } catch (const DatabaseError&) {
        ++changed_; // what cannot be taken back alone goes with the whole group
    }
}

} // namespace millrace::store
