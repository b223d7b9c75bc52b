// The port's SystemSession on a PostgreSQL connection: one for the connection's life, told when each task begins.
#pragma once
#include "store/postgres/pg_connection.hpp"
#include "store/sql.hpp"

#include <cstdint>

namespace millrace::store {

class PgSession final : public SystemSession {
public:
    explicit PgSession(PgConnection& connection) : connection_{connection} {}

    void begin_task() {
        changed_ = 0;
        depth_ = 0;
        changes().clear();
    }
    // Rows that the task has changed and not taken back.
    std::int64_t changed() const { return changed_; }

private:
    Rows start_query(const char* sql, const Value* tenant, std::span<const Value> values) override;
    Rows start_scan(const char* sql, const Value* tenant, std::span<const Value> values) override;
    std::int64_t start_execute(const char* sql, const Value* tenant, std::span<const Value> values) override;
    void begin_savepoint() override;
    void end_savepoint(bool keep) override;
    void abandon_savepoint() noexcept override;

    void check(const PgStatement& statement, const Value* tenant) const;
    PgStatement& run(const char* sql, const Value* tenant, std::span<const Value> values);

    PgConnection& connection_;
    std::int64_t changed_ = 0;
    int depth_ = 0;                   // savepoints open
    std::int64_t changed_before_ = 0; // the outermost of them
};

} // namespace millrace::store
