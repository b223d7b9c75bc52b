// The SQLite driver of the port in store/database.hpp.
#pragma once
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace millrace::store {

struct SqliteOptions {
    std::filesystem::path data;      // a folder that exists; holds millrace.db and lock
    std::size_t readers = 2;         // reader threads
    std::size_t write_queue = 16384; // tasks that may wait for the writer; beyond it: unavailable
    std::size_t read_queue = 4096;
    std::size_t group_limit = 1024;             // tasks in one transaction
    std::chrono::milliseconds read_limit{5000}; // a limited read that runs longer is stopped: it holds the log back
    std::size_t checkpoint_pages = 4096;        // of the log (4 KiB each) before it is written back
    bool accept_damage = false;                 // go on without acknowledged commits that are lost (start_check.hpp)
    // After each commit, on the writer's thread and before anybody's coroutine resumes: what its tasks have published.
    // Quick, and without throwing.
    std::function<void(const Changes&)> on_commit = {};
    std::function<void(const std::string& reason)>
        on_failure; // once, on a store thread, which must not close it: it has stopped
};

// Takes <data>/lock, migrates to this build's schema and starts the threads. `log` and `metrics` outlive the database.
// conflict: another process holds the lock, the database is of a newer schema than this build knows, or it has lost
// acknowledged commits.
Result<std::unique_ptr<Database>> open_sqlite(const SqliteOptions& options, telemetry::Log& log,
                                              telemetry::Metrics& metrics);

// Brings the database of a stopped daemon to `version` of the schema (the newest when not given), up or down. Returns
// the version reached. Errors as above.
Result<int> migrate_sqlite(const std::filesystem::path& data, std::optional<int> version = std::nullopt);

} // namespace millrace::store
