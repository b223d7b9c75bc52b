// LMDB with owners and exceptions. An environment is trusted only if it was closed properly, or the machine has not
// been restarted since: nothing in it is flushed while it is used.
#pragma once
#include "base/result.hpp"
#include "telemetry/log.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct MDB_env;
struct MDB_txn;

namespace millrace::cache {

class EnvironmentError : public std::runtime_error {
public:
    EnvironmentError(int code, const std::string& what);
    bool full() const; // no room, as opposed to broken

private:
    int code_;
};

enum class Table : unsigned { entries, expiries };

class Environment {
public:
    // Moves what cannot be trusted or read aside, to FOLDER.damaged (one is kept), and starts afresh.
    static Result<std::unique_ptr<Environment>> open_or_recreate(const std::filesystem::path& folder,
                                                                 std::size_t map_size, telemetry::Log& log);
    ~Environment(); // flushes, and marks the environment sound

    // Thread-safe. The next start will not trust it.
    void mark_unsound();

private:
    friend class Transaction;
    Environment(std::filesystem::path folder, std::size_t map_size); // throws EnvironmentError

    std::filesystem::path folder_;
    MDB_env* handle_ = nullptr;
    unsigned tables_[2] = {};
    std::atomic<bool> sound_{true};
};

// Taken back unless committed. What it returns points into the map and is valid until it writes or ends.
class Transaction {
public:
    enum class Access { read, write };
    Transaction(Environment& environment, Access access);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    unsigned open_table(const char* name); // makes it if it is not there
    std::optional<std::string_view> get(Table table, std::string_view key);
    std::optional<std::string_view> first_key(Table table);
    void put(Table table, std::string_view key, std::string_view value);
    void erase(Table table, std::string_view key); // absent is fine
    std::uint64_t entries(Table table);
    std::uint64_t bytes(); // of both tables' pages
    void commit();

private:
    Environment& environment_;
    MDB_txn* handle_ = nullptr;
};

} // namespace millrace::cache
