#include "store/postgres/pg_link.hpp"

#include "store/postgres/server_check.hpp"

#include <algorithm>
#include <thread>

namespace millrace::store {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto first_pause = 100ms, longest_pause = 2000ms;
// The backend of a daemon that was killed holds the lock until it notices.
constexpr auto lock_patience = 5s;
constexpr auto lock_pause = 50ms;

// A role or a database may have other defaults: what is acknowledged is on disk. Nothing waits for a lock, or holds one
// idly, without a limit.
constexpr const char* settings = "SET synchronous_commit = on; SET lock_timeout = '10s'; "
                                 "SET idle_in_transaction_session_timeout = '60s'";

} // namespace

PgLink::PgLink(const PostgresOptions& options, telemetry::Log& log)
    : log_{log},
      connection_{options.url, "millrace writer", options.answer_limit},
      row_{connection_, options.node} {}

void PgLink::connect() {
    connection_.connect();
    connection_.script(settings);
}

Result<void> PgLink::open() {
    try {
        connect();
        if (auto fit = check_server(connection_); !fit) return fit;
        for (const auto until = SteadyClock::now() + lock_patience; !row_.lock();) {
            if (SteadyClock::now() >= until)
                return Error{Code::conflict,
                             "another daemon works on the database that store.url names; stop it, or name another"};
            std::this_thread::sleep_for(lock_pause);
        }
        was_open_ = true;
        return success();
    } catch (const DatabaseError& error) {
        return Error{Code::unavailable,
                     std::string{"the database that store.url names cannot be opened: "} + error.what()};
    }
}

bool PgLink::reach() {
    if (connection_.is_open()) return true;
    const auto now = SteadyClock::now();
    if (was_open_) note_loss("the connection was lost");
    if (now < next_try_) return false;
    try {
        connect();
        row_.check();
        if (!row_.lock()) throw DatabaseError{Fault::lost, "the earlier connection is still there"};
        was_open_ = true;
        *unreachable_.lock() = std::nullopt;
        pause_ = 0ms;
        log_.info("the database is reached again", {{"away_ms", away().count()}});
        lost_at_ = {};
        return true;
    } catch (const DatabaseError& error) {
        connection_.disconnect();
        *unreachable_.lock() = error.what();
        pause_ = std::clamp(2 * pause_, first_pause, longest_pause);
        next_try_ = now + pause_;
        return false;
    }
}

void PgLink::note_loss(const std::string& why) {
    was_open_ = false;
    lost_at_ = SteadyClock::now();
    next_try_ = {}; // the first attempt is made at once
    *unreachable_.lock() = why;
    log_.warning("the connection to the database was lost; it is tried again", {{"reason", why}});
}

void PgLink::probe() {
    try {
        if (reach()) connection_.script("SELECT 1");
    } catch (const DatabaseError& error) {
        if (error.fault() == Fault::lost) note_loss(error.what());
    }
}

std::chrono::milliseconds PgLink::away() const {
    if (lost_at_ == SteadyClock::time_point{}) return 0ms;
    return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - lost_at_);
}

} // namespace millrace::store
