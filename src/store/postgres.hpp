// The PostgreSQL driver of the port in store/database.hpp.
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

struct PostgresOptions {
    std::string url;                 // postgres://user@host:port/database?sslmode=verify-full…, as libpq takes it
    std::filesystem::path data;      // a folder that exists: holds the daemon's files, and its lock
    std::string node = "a";          // names the daemon in the table `nodes`
    std::size_t readers = 2;         // threads, with a connection each
    std::size_t write_queue = 16384; // tasks that may wait for the writer; beyond it: unavailable
    std::size_t read_queue = 4096;
    std::size_t group_limit = 1024;                 // tasks in one transaction
    std::chrono::milliseconds read_limit{5000};     // a limited read that runs longer is stopped
    std::chrono::milliseconds patience{5000};       // what waits is refused when the server is away for longer
    std::chrono::milliseconds answer_limit{30'000}; // a server that does not answer for so long counts as lost
    // As with SQLite: after each commit, on the writer's thread and before anybody's coroutine resumes. Quick, and
    // without throwing.
    std::function<void(const Changes&)> on_commit = {};
    std::function<void(const std::string& reason)>
        on_failure; // once, on a store thread, which must not close it: it has stopped
};

// Takes <data>/lock and the database, migrates it to this build's schema and starts the threads. `log` and `metrics`
// outlive the database.
// conflict: another process holds the folder, another daemon the database, or the database is of a newer schema than
// this build knows; unavailable: the server cannot be reached, or is not one that Millrace works on.
Result<std::unique_ptr<Database>> open_postgres(const PostgresOptions& options, telemetry::Log& log,
                                                telemetry::Metrics& metrics);

// Brings the database of a stopped daemon to `version` of the schema (the newest when not given), up or down. Returns
// the version reached. Errors as above.
Result<int> migrate_postgres(const PostgresOptions& options, std::optional<int> version = std::nullopt);

} // namespace millrace::store
