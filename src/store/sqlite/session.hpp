// The port's SystemSession on a SQLite connection: one for the connection's life, told when each task begins.
#pragma once
#include "store/sql.hpp"
#include "store/sqlite/connection.hpp"

namespace millrace::store {

class SqliteSession final : public SystemSession {
public:
    explicit SqliteSession(Connection& connection) : connection_{connection} {}

    void begin_task() {
        wrote_ = false;
        depth_ = 0;
        changes().clear();
    }
    // Whether the task has changed rows that no savepoint of its own can take back.
    bool wrote() const { return wrote_; }

private:
    Rows start_query(const char* sql, const Value* tenant, std::span<const Value> values) override;
    Rows start_scan(const char* sql, const Value* tenant, std::span<const Value> values) override {
        return start_query(sql, tenant, values);
    }
    std::int64_t start_execute(const char* sql, const Value* tenant, std::span<const Value> values) override;
    void begin_savepoint() override;
    void end_savepoint(bool keep) override;
    void abandon_savepoint() noexcept override;

    Statement& free_statement(const char* sql, const Value* tenant);

    Connection& connection_;
    bool wrote_ = false;
    int depth_ = 0;                   // savepoints open
    std::int64_t changes_before_ = 0; // when the outermost one was opened
};

} // namespace millrace::store
