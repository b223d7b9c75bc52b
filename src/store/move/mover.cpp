#include "store/move/mover.hpp"

#include "base/crash_point.hpp"
#include "store/migrations.hpp"
#include "store/move/daemon_stop.hpp"
#include "store/move/move_state.hpp"
#include "store/move/place.hpp"
#include "store/move/source_check.hpp"
#include "store/move/target_check.hpp"
#include "store/move_marks.hpp"
#include "store/postgres/node_row.hpp"
#include "store/postgres/pg_schema.hpp"
#include "store/sqlite/log_mark.hpp"
#include "store/sqlite/migrator.hpp"
#include "store/sqlite/start_check.hpp"

#include <fmt/format.h>

#include <thread>

namespace millrace::store {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr int most_rounds = 5;      // while the daemon works
constexpr auto lock_patience = 10s; // a server notices late that a daemon has gone

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

} // namespace

Mover::Mover(const MoveOptions& options, const MoveWatch& watch) : options_{options}, watch_{watch} {
    count_ = [this](std::int64_t rows) { note_read(rows); };
}

void Mover::note_read(std::int64_t rows) {
    read_ += rows;
    watch_(step_, std::min(1.0, static_cast<double>(read_) / static_cast<double>(expected_)));
}

Result<MoveReport> Mover::run() {
    if (auto lock = DataLock::acquire(options_.data)) lock_ = std::move(*lock);
    else if (lock.error().code != Code::conflict) return lock.error();
    look_at_source();
    if (source_ && is_done()) {
        report_.outcome = MoveReport::Outcome::already;
        return report_;
    }
    look_at_target();
    if (!report_.obstacles.empty()) return report_;
    if (options_.dry_run) {
        report_.outcome = MoveReport::Outcome::planned;
        return report_;
    }
    if (waits_for_its_place() && lock_) {
        place();
        return report_;
    }
    for (const auto& table : report_.tables) expected_ += table.rows;
    if (auto done = prepare_target(); !done) return done.error();
    if (!lock_) copy_live();
    if (!lock_ && !options_.stop_daemon) {
        report_.outcome = MoveReport::Outcome::copied;
        return report_;
    }
    const auto start = SteadyClock::now();
    if (auto done = take_over(); !done) return done.error();
    if (auto done = finish(); !done) return done.error();
    report_.stopped_seconds = seconds_since(start);
    return report_;
}

void Mover::look_at_source() {
    try {
        if (to_postgres())
            source_ = std::make_unique<SqliteSide>(options_.data / "millrace.db", Connection::Access::read);
        else source_ = std::make_unique<PgSide>(options_.source_url);
        check_source(*source_, options_, watch_, report_);
        shapes_ = source_->tables();
    } catch (const DatabaseError& error) {
        report_.reachable = error.fault() != Fault::lost;
        report_.obstacles.push_back(fmt::format("the source cannot be opened: {}", error.what()));
    }
}

void Mover::look_at_target() {
    if (!to_postgres()) return check_target(filling(), options_, report_);
    try {
        auto target = std::make_unique<PgSide>(options_.target_url);
        check_target(*target, options_, report_);
        target_ = std::move(target);
    } catch (const DatabaseError& error) {
        report_.reachable = report_.reachable && error.fault() != Fault::lost;
        report_.obstacles.push_back(fmt::format("the target cannot be {}: {}",
                                                error.fault() == Fault::lost ? "reached" : "used", error.what()));
    }
}

bool Mover::is_done() {
    if (mark_of(*source_) != StoreMark{moved_away, options_.target_name}) return false;
    if (!to_postgres()) return !std::filesystem::exists(filling());
    PgSide target{options_.target_url};
    return target.has_schema() && !mark_of(target);
}

bool Mover::waits_for_its_place() {
    if (to_postgres() || !std::filesystem::exists(filling())) return false;
    SqliteSide filled{filling(), Connection::Access::read};
    return mark_of(*source_).has_value() && !mark_of(filled);
}

// A target without the mark is one that a killed call had only begun to make, or an empty database.
Result<void> Mover::prepare_target() {
    const auto now = SystemClock::instance().now();
    if (to_postgres()) {
        auto& connection = dynamic_cast<PgSide&>(*target_).connection();
        if (!mark_of(*target_)) {
            const auto migrations = load_migrations(embedded::postgres_migrations(), first_postgres_migration).value();
            PgSchema schema{connection};
            if (auto done = migrate(schema, migrations, migrations.back().version, now); !done) return done;
        }
    } else {
        auto side = std::make_unique<SqliteSide>(filling(), Connection::Access::write);
        side->script("PRAGMA locking_mode = EXCLUSIVE");
        if (!mark_of(*side)) {
            const auto migrations = load_migrations(embedded::migrations()).value();
            if (auto done = migrate(side->connection(), migrations, migrations.back().version, now); !done) return done;
        }
        target_ = std::move(side);
    }
    if (!mark_of(*target_)) begin_filling(*target_, options_.source_name);
    if (schema_of(*target_) != schema_of(*source_))
        return Error{Code::conflict,
                     "the unfinished target has another schema than the source: remove it, and move anew"};
    if (const auto differences = shape_differences(shapes_, target_->tables()); !differences.empty())
        return Error{Code::internal, fmt::format("the databases differ: {}", fmt::join(differences, "; "))};
    return success();
}

std::vector<TableCopy> Mover::copies() {
    std::vector<TableCopy> all;
    all.reserve(shapes_.size());
    for (const auto& shape : shapes_) all.emplace_back(*source_, *target_, shape, options_.chunk_rows, count_);
    return all;
}

// First everything that has changed goes, then what is not there comes: so no row of before is in the way of another
// that has its name now.
std::int64_t Mover::round(std::vector<TableCopy>& copies, bool live) {
    std::int64_t rows = 0;
    read_ = 0;
    for (auto& copy : copies) copy.drop_changed();
    for (auto& copy : copies) try {
            rows += copy.copy_missing();
        } catch (const DatabaseError& error) {
            if (!live || error.fault() != Fault::constraint) throw;
        }
    return rows;
}

// Until a round finds little to do: it is what the daemon does during a round.
void Mover::copy_live() {
    const auto start = SteadyClock::now();
    auto all = copies();
    step_ = "copying while the daemon works";
    for (int number = 1; number <= most_rounds; ++number) {
        const auto rows = round(all, true);
        report_.copied_live += rows;
        if (rows <= 2 * options_.chunk_rows) break;
        step_ = "copying what has changed";
    }
    report_.live_seconds = seconds_since(start);
}

Result<void> Mover::take_over() {
    crash_point("move.before_stop");
    if (to_postgres()) source_.reset(); // a reader holds up the log's end
    if (!lock_) {
        watch_("waiting for the daemon to stop", -1);
        auto lock = stop_daemon(options_.data, options_.patience);
        if (!lock) return lock.error();
        lock_ = std::move(*lock);
    }
    if (to_postgres()) {
        telemetry::Log nowhere{telemetry::Level::error, telemetry::LogFormat::logfmt, -1};
        if (const auto damage = check_files(options_.data, false, nowhere); !damage) return damage.error();
        source_ = std::make_unique<SqliteSide>(options_.data / "millrace.db", Connection::Access::write);
    } else {
        NodeRow row{dynamic_cast<PgSide&>(*source_).connection(), "move"};
        for (const auto until = SteadyClock::now() + lock_patience; !row.lock(); std::this_thread::sleep_for(50ms))
            if (SteadyClock::now() > until)
                return Error{Code::conflict, "another daemon works on the source; stop it, and run this again"};
    }
    if (source_->tables() != shapes_)
        return Error{Code::conflict, "the source's schema has changed meanwhile; run this again"};
    crash_point("move.after_stop");
    return success();
}

Result<void> Mover::finish() {
    auto all = copies();
    step_ = "copying the rest";
    report_.copied_stopped = round(all, false);
    if (auto same = compare(all); !same) return same;
    rehearse_end(*target_); // once the source is retired it is too late to find that it cannot be
    if (to_postgres()) target_->script("ANALYZE");
    complete();
    return success();
}

// The source's rows are those that the last round has read; the database itself says how many there should be.
Result<void> Mover::compare(std::vector<TableCopy>& copies) {
    step_ = "comparing";
    read_ = 0;
    report_.tables.clear();
    std::vector<std::string> different;
    for (auto& copy : copies) {
        const auto source = copy.source_sum(), target = copy.target_sum();
        report_.tables.push_back({copy.shape().name, source.rows, source.hash});
        if (source == target && source.rows == source_->count(copy.shape())) continue;
        copy.distrust();
        different.push_back(
            fmt::format("{} ({} rows in the source, {} in the target)", copy.shape().name, source.rows, target.rows));
    }
    crash_point("move.after_comparison");
    if (different.empty()) return success();
    return Error{
        Code::conflict,
        fmt::format("the databases are not alike, and nothing was switched: {}. Has somebody else written to the "
                    "target? Run this again: it copies these tables anew",
                    fmt::join(different, ", "))};
}

// The source first: between the two a daemon starts on neither, and the next call goes on here.
void Mover::complete() {
    const auto counters = source_->counters();
    if (!mark_of(*source_)) retire(*source_, shapes_, options_.target_name);
    if (auto* file = dynamic_cast<SqliteSide*>(source_.get()))
        if (file->connection().checkpoint(Connection::Checkpoint::truncate, 10s)) LogMark{options_.data}.written_back();
    end_filling(*target_, counters);
    if (to_postgres()) report_.outcome = MoveReport::Outcome::moved;
    else place();
}

void Mover::place() {
    target_.reset();
    put_in_place(filling(), options_.data);
    report_.outcome = MoveReport::Outcome::moved;
}

Result<MoveReport> move_store(const MoveOptions& options, const MoveWatch& watch) {
    try {
        return Mover{options, watch}.run();
    } catch (const DatabaseError& error) {
        return Error{error.fault() == Fault::full ? Code::storage_full : Code::unavailable,
                     fmt::format("the move has stopped: {}; run it again, and it goes on", error.what())};
    }
}

} // namespace millrace::store
