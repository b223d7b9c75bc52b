// One connection to a PostgreSQL server and its prepared statements. Used by one thread at a time. Failures throw
// DatabaseError; after `lost` the connection is closed, and connect() opens it anew.
#pragma once
#include "store/postgres/pg_scan.hpp"
#include "store/postgres/pg_statement.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

struct pg_conn;

namespace millrace::store {

// One run of a prepared statement, with its values as libpq takes them. Borrows all.
struct PgRun {
    const std::string* name; // of the statement
    int count;
    const char* const* data;
    const int* sizes;
    const int* formats;
};

class PgConnection {
public:
    // `purpose` is shown in pg_stat_activity. Does not connect yet. A server that does not answer a statement for
    // `answer_limit` counts as lost.
    PgConnection(std::string url, std::string purpose, std::chrono::milliseconds answer_limit);
    ~PgConnection();
    PgConnection(const PgConnection&) = delete;
    PgConnection& operator=(const PgConnection&) = delete;

    bool is_open() const { return handle_ != nullptr; }
    void connect(); // closes an open one first
    void disconnect() noexcept;

    // The statement of this text, known by the text's address: prepared at its first use.
    PgStatement& statement(const char* sql);
    // Runs a statement. Its result is in it until it runs again.
    void run(PgStatement& statement, const Value* tenant, std::span<const Value> values);
    // Runs them one after the other without waiting in between: the result of each. The first failure is thrown, and
    // what comes after it is not run. `doing`: what is said of a failure.
    std::vector<PgResult> run_all(std::span<const PgRun> runs, const char* doing);
    // The name of this INSERT with one list of values (pg_inserts.hpp), prepared for so many rows.
    const std::string& prepared_for_rows(const char* sql, std::size_t width, std::size_t rows);
    // The scan of this text, likewise.
    PgScan& scan(const char* sql);
    // A statement that is not prepared.
    PgResult run(const std::string& sql, const PgParameters& parameters);
    // One or more statements without parameters: the result of the last.
    PgResult script(const std::string& sql);
    // COPY … FROM STDIN with its rows, as PostgreSQL's text format has them (pg_copy.cpp).
    void copy_in(const std::string& statement, std::string_view rows);
    // The first column of the first row; nullopt: there is none, or it is NULL.
    std::optional<std::string> text(const std::string& sql);

    // Whether a transaction is open, also one in which a statement has failed.
    bool in_transaction() const;
    int server_version() const; // 150018 is 15.18
    int backend() const;        // the process id of its server process, as it was told when it connected
    // The server has warned since the last call that a commit may not survive it (a standby that was to confirm it did
    // not).
    bool was_warned() { return std::exchange(warned_, false); }

    void answer_within(std::chrono::milliseconds limit) { answer_limit_ = limit; }
    // The statement that runs ends with time_limit once `stop` (where given; borrowed) is true.
    void stop_when(const std::atomic<bool>* stop) { stop_ = stop; }

private:
    PgStatement& prepare(const char* sql);
    void prepare(const std::string& name, const std::string& text, const char* doing);
    PgResult answer(const char* doing);
    PgResult next_result(std::chrono::steady_clock::time_point until);
    [[noreturn]] void fail(const pg_result* result, const char* doing);
    [[noreturn]] void lose_as_told(); // as libpq says
    void wait_for_result(std::chrono::steady_clock::time_point until);
    void wait_for_socket(std::chrono::steady_clock::time_point until, bool sending);
    void cancel_if_stopped();
    [[noreturn]] void lose(const std::string& why);
    static void note(void* self, const pg_result* notice);

    const std::string url_, purpose_;
    std::chrono::milliseconds answer_limit_;
    pg_conn* handle_ = nullptr;
    const std::atomic<bool>* stop_ = nullptr;
    std::unordered_map<const void*, std::unique_ptr<PgStatement>> statements_;
    std::unordered_map<const void*, std::unique_ptr<PgScan>> scans_;
    std::map<std::pair<const void*, std::size_t>, std::string> for_rows_; // statement and rows → name
    bool warned_ = false;
};

} // namespace millrace::store
