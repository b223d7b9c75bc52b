// The writer's connection: opened, kept, and opened anew after a loss, with pauses that grow. Used by the writer's
// thread, but for unreachable().
#pragma once
#include "async/guarded.hpp"
#include "base/result.hpp"
#include "store/postgres.hpp"
#include "store/postgres/node_row.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace millrace::store {

class PgLink {
public:
    // `log` outlives the link.
    PgLink(const PostgresOptions& options, telemetry::Log& log);

    PgConnection& connection() { return connection_; }
    NodeRow& row() { return row_; }

    // For the first time: the server is one that Millrace works on, and no other daemon is on the database.
    Result<void> open();
    // Whether there is a connection. Tries to open one, but not before the pause after the last attempt is over. Throws
    // Fenced.
    bool reach();
    // Looks whether the connection still works.
    void probe();
    // How long the server has been away; 0 while there is a connection.
    std::chrono::milliseconds away() const;
    // Why it is; thread-safe.
    std::optional<std::string> unreachable() const { return *unreachable_.lock(); }

private:
    void connect();
    void note_loss(const std::string& why);

    telemetry::Log& log_;
    PgConnection connection_;
    NodeRow row_;
    bool was_open_ = false;
    std::chrono::steady_clock::time_point lost_at_{}, next_try_{};
    std::chrono::milliseconds pause_{0};
    mutable async::Guarded<std::optional<std::string>> unreachable_;
};

} // namespace millrace::store
