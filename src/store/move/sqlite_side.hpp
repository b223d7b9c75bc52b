// A SQLite file in a move.
#pragma once
#include "store/move/side.hpp"
#include "store/sqlite/session.hpp"

#include <filesystem>

namespace millrace::store {

class SqliteSide final : public Side {
public:
    SqliteSide(const std::filesystem::path& file, Connection::Access access);

    Connection& connection() { return connection_; }

    bool has_schema() override;
    std::vector<TableShape> tables() override;
    std::uint64_t bytes() override;
    std::map<std::string, std::int64_t> counters() override;
    std::int64_t count(const TableShape& shape) override;
    std::unique_ptr<Reading> read(const TableShape& shape, const KeyRange& range) override;
    SystemSession& session() override { return session_; }
    void script(const std::string& statements) override { connection_.script(statements); }
    void begin() override { connection_.script("BEGIN IMMEDIATE"); }
    void commit() override;
    void roll_back() noexcept override;
    void remove(const TableShape& shape, const KeyRange& range) override;
    void insert(const TableShape& shape, const RowBatch& rows) override;
    void set_counter(const std::string& table, std::int64_t last) override;
    void loosen() override {} // a writing connection never checks them
    void tighten() override;
    void freeze(const std::vector<TableShape>& tables) override;

private:
    Statement& bound(const char* sql, const KeyRange& range);

    SqlTexts texts_; // outlive the connection's statements
    const std::filesystem::path file_;
    Connection connection_;
    SqliteSession session_;
};

} // namespace millrace::store
