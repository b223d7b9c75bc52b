// A PostgreSQL database in a move.
#pragma once
#include "store/move/side.hpp"
#include "store/postgres/pg_session.hpp"

namespace millrace::store {

class PgSide final : public Side {
public:
    // Connects.
    explicit PgSide(const std::string& url);

    PgConnection& connection() { return connection_; }

    bool has_schema() override;
    std::vector<TableShape> tables() override;
    std::uint64_t bytes() override;
    std::map<std::string, std::int64_t> counters() override;
    std::int64_t count(const TableShape& shape) override;
    std::unique_ptr<Reading> read(const TableShape& shape, const KeyRange& range) override;
    SystemSession& session() override { return session_; }
    void script(const std::string& statements) override { connection_.script(statements); }
    void begin() override { connection_.script("BEGIN"); }
    void commit() override { connection_.script("COMMIT"); }
    void roll_back() noexcept override;
    void remove(const TableShape& shape, const KeyRange& range) override;
    void insert(const TableShape& shape, const RowBatch& rows) override;
    void set_counter(const std::string& table, std::int64_t last) override;
    void loosen() override;
    void tighten() override;
    void freeze(const std::vector<TableShape>& tables) override;

private:
    SqlTexts texts_; // outlive the connection's statements
    PgConnection connection_;
    PgSession session_;
};

} // namespace millrace::store
