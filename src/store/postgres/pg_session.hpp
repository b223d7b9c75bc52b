// The port's SystemSession on a PostgreSQL connection: one for the connection's life, told when each task begins.
#pragma once
#include "store/postgres/pg_connection.hpp"
#include "store/postgres/pg_inserts.hpp"
#include "store/sql.hpp"

#include <cstdint>

namespace millrace::store {

class PgSession final : public SystemSession {
public:
    explicit PgSession(PgConnection& connection) : connection_{connection}, inserts_{connection} {}

    void begin_task() {
        changed_ = 0;
        depth_ = 0;
        changes().clear();
        inserts_.begin_task();
    }
    // What the tasks have inserted goes to the server; throws what is wrong with it. Before the group's end, for all of
    // its tasks, or after each.
    void send_inserts() { inserts_.send(); }
    void forget_inserts() { inserts_.forget(); } // they are taken back with their transaction
    // Rows that the task has changed and not taken back.
    std::int64_t changed() const { return changed_; }

private:
    Rows start_query(const char* sql, const Value* tenant, std::span<const Value> values) override;
    Rows start_scan(const char* sql, const Value* tenant, std::span<const Value> values) override;
    std::int64_t start_execute(const char* sql, const Value* tenant, std::span<const Value> values) override;
    void start_insert(const char* sql, const Value* tenant, std::span<const Value> values) override;
    std::vector<std::int64_t> start_execute_each(const char* sql, std::span<const Value> values,
                                                 std::size_t width) override;
    void start_query_each(const char* sql, std::span<const Value> values, std::size_t width,
                          const Visit& visit) override;
    void begin_savepoint() override;
    void end_savepoint(bool keep) override;
    void abandon_savepoint() noexcept override;

    void check(const PgStatement& statement, const Value* tenant) const;
    PgStatement& run(const char* sql, const Value* tenant, std::span<const Value> values);
    std::vector<PgResult> run_each(PgStatement& statement, std::span<const Value> values, std::size_t width);

    PgConnection& connection_;
    PgInserts inserts_;
    std::int64_t changed_ = 0;
    int depth_ = 0;                   // savepoints open
    std::int64_t changed_before_ = 0; // the outermost of them
};

} // namespace millrace::store
