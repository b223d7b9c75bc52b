// Moves all rows between SQLite and PostgreSQL, for a person who runs a command. The daemon may work meanwhile: the
// rows are copied, and what it has changed is copied again, until little is left. Then it has to stop for some seconds,
// in which the rest is copied and both databases are compared, by number and hash of each table's rows. The switch
// leaves the old store as it was, but for a mark that no daemon starts on (move_marks.hpp).
//
// What was copied is noted in the target: a move that was killed, at any place, goes on when it is called again. At no
// moment may a daemon start on both databases, or on one that is half filled. Files (blobs, models) stay where they
// are.
#pragma once
#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace millrace::store {

struct MoveOptions {
    std::filesystem::path data; // the daemon's folder: its lock and its files, and the SQLite database
    std::string source_url;     // of PostgreSQL; empty: SQLite in `data`
    std::string target_url;     // likewise: one of the two is PostgreSQL
    std::string source_name;    // for people and for marks: without a password
    std::string target_name;
    bool dry_run = false;                  // look, and change nothing
    bool stop_daemon = false;              // tell one that runs to stop, when it is time
    std::chrono::milliseconds patience{0}; // for it to end
    std::int64_t chunk_rows = 10'000;      // copied in one transaction
};

struct MovedTable {
    std::string name;
    std::int64_t rows = 0;
    std::uint64_t hash = 0; // of both
};

struct MoveReport {
    enum class Outcome {
        refused, // see `obstacles`; nothing was changed
        planned, // a dry run that found none
        copied,  // a daemon runs, and may not be stopped: the same call goes on once it has stopped
        moved,
        already, // by an earlier call
    };
    Outcome outcome = Outcome::refused;
    bool reachable = true;              // both databases could be opened
    std::vector<std::string> obstacles; // everything that stands in the way
    std::vector<std::string> notices;   // what is worth knowing
    std::vector<MovedTable> tables;     // of the source; without hashes unless it was moved
    std::uint64_t source_bytes = 0;
    std::int64_t copied_live = 0, copied_stopped = 0; // rows
    double live_seconds = 0, stopped_seconds = 0;
};

// How far a step is: 0…1. Called on the caller's thread, often.
using MoveWatch = std::function<void(const std::string& step, double fraction)>;

// Called by one thread, which it keeps for minutes. The error says what to do; the move then goes on with another call.
Result<MoveReport> move_store(const MoveOptions& options, const MoveWatch& watch);

} // namespace millrace::store
