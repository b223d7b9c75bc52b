// One SQLite connection and its prepared statements. Used by one thread at a time. Failures throw DatabaseError.
#pragma once
#include "store/sql.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace millrace::store {

class Statement final : public Cursor {
public:
    Statement(sqlite3* connection, const char* sql);
    ~Statement() override;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // Whether text and bytes outlive the statement's steps, or have to be copied.
    enum class Lifetime { outlives, copied };
    void bind(const Value* tenant, std::span<const Value> values, Lifetime lifetime);
    bool step() override;           // true: there is a row
    void close() noexcept override; // makes the statement free to be used again
    void run() {                    // no parameters, no rows
        step();
        close();
    }

    bool busy() const { return busy_; }
    bool writes() const { return writes_; }
    bool names_tenant() const { return names_tenant_; }

    bool is_null(int column) const override;
    std::int64_t integer(int column) const override;
    double real(int column) const override;
    std::string_view text(int column) const override;
    std::span<const std::byte> bytes(int column) const override;

private:
    void bind_one(int index, const Value& value, Lifetime lifetime);

    sqlite3* connection_;
    sqlite3_stmt* statement_ = nullptr;
    std::vector<int> parameters_; // SQLite's index of $1, $2 …: it counts in the order of appearance
    bool writes_ = false, names_tenant_ = false, busy_ = false;
};

class Connection {
public:
    enum class Access { write, read };

    Connection(const std::filesystem::path& file, Access access);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // The statement of this text, known by the text's address: prepared at its first use.
    Statement& statement(const char* sql) {
        const auto at = statements_.find(sql);
        return at != statements_.end() ? *at->second : prepare(sql);
    }
    // A script of several statements without parameters.
    void script(const std::string& sql);
    // The first column of the first row.
    std::int64_t integer(const char* sql);

    bool in_transaction() const;
    std::int64_t changes() const;       // rows changed by the last INSERT, UPDATE or DELETE
    std::int64_t total_changes() const; // since the connection was opened

    // Statements fail with time_limit past this moment, or once `stop` (where given; borrowed) is true.
    void limit_until(std::chrono::steady_clock::time_point deadline, const std::atomic<bool>* stop = nullptr) {
        deadline_ = deadline;
        stop_ = stop;
    }

    enum class Checkpoint { passive, restart, truncate };
    // Pages in the log after the last commit.
    int log_pages() const { return log_pages_; }
    // Writes the log back. False when readers were in the way of all of it.
    bool checkpoint(Checkpoint mode, std::chrono::milliseconds patience);
    // Fills the log's file with zeros up to `size` bytes, durably, behind what it holds. Returns its size then; 0 when
    // that cannot be done.
    std::uint64_t grow_log(std::uint64_t size);
    // A log that has grown beyond this is cut when it starts anew.
    void keep_log_below(std::uint64_t bytes);
    // A whole database of its own, of the last commit, flushed. Outside a transaction; `file` must not exist.
    void copy_to(const std::string& file);
    // After a failed flush: closing must not write anything back.
    void leave_log_alone();

private:
    Statement& prepare(const char* sql);
    void configure(Access access);

    sqlite3* handle_ = nullptr;
    std::string log_file_;
    std::unordered_map<const void*, std::unique_ptr<Statement>> statements_;
    std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
    const std::atomic<bool>* stop_ = nullptr;
    int log_pages_ = 0;
};

} // namespace millrace::store
