#include "store/sqlite/group_writer.hpp"

#include "async/io_pool.hpp"
#include "base/clock.hpp"
#include "base/crash_point.hpp"

#include <chrono>

namespace millrace::store {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto idle_after = 500ms; // without a write: the log is written back
constexpr auto look_every = 1s;    // without a write: whether the files are still there
constexpr int starved_factor = 8;  // log this many times over its limit: readers are made to wait
constexpr auto starved_patience = 200ms;
constexpr std::uint64_t frame_bytes = 4096 + 24; // a page and its header in the log
constexpr std::uint64_t grow_step = 1 << 20;

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

const Error taken_back{Code::unavailable, "the write was taken back together with its group; try again"};
const Error has_failed{Code::unavailable,
                       "the store has failed and takes no writes; the operator must look at the log"};

} // namespace

GroupWriter::GroupWriter(std::unique_ptr<Connection> connection, const SqliteOptions& options, telemetry::Log& log,
                         telemetry::Metrics& metrics)
    : options_{options},
      log_{log},
      commit_seconds_{
          metrics.histogram("millrace_store_commit_seconds", "Time to commit one group of writes, flush included")},
      checkpoint_seconds_{
          metrics.histogram("millrace_store_checkpoint_seconds", "Time to write the log back into the database")},
      groups_{metrics.counter("millrace_store_groups_total", "Groups of writes committed")},
      writes_{metrics.counter("millrace_store_writes_total", "Writes in the committed groups")},
      connection_{std::move(connection)},
      session_{*connection_},
      begin_{connection_->statement("BEGIN IMMEDIATE")},
      commit_{connection_->statement("COMMIT")},
      rollback_{connection_->statement("ROLLBACK")},
      files_{options_.data / "millrace.db"},
      mark_{options_.data},
      log_size_{options_.checkpoint_pages * frame_bytes * 5 / 4}, // what is in flight when the checkpoint starts
      queue_{options.write_queue, metrics} {
    connection_->keep_log_below(2 * log_size_);
    thread_ = std::thread{[this] {
        async::name_this_thread("store-writer");
        serve();
    }};
}

GroupWriter::~GroupWriter() { close(); }

void GroupWriter::submit(std::unique_ptr<Operation> operation) {
    if (failed_.load(std::memory_order_relaxed)) return refuse(std::move(operation), has_failed);
    queue_.submit(std::move(operation));
}

std::optional<std::string> GroupWriter::failure() const {
    if (!failed_) return std::nullopt;
    return *failure_.lock();
}

void GroupWriter::close() {
    queue_.close();
    if (thread_.joinable()) thread_.join();
}

void GroupWriter::serve() {
    for (;;) {
        OperationList taken;
        const auto why = queue_.wait(taken, patience());
        while (!taken.empty()) run_group(taken);
        if (why == WriteQueue::Wake::patience) without_work();
        if (why != WriteQueue::Wake::closing) continue;
        if (!failed_ && still_there(files_.deleted())) write_log_back(); // the log itself goes with its last connection
        return;
    }
}

// How long to wait for work before doing something else: none while the log's file is still to be grown.
std::chrono::milliseconds GroupWriter::patience() const {
    if (failed_) return look_every;
    if (log_grown_ < log_size_) return 0ms;
    return log_written_back_ ? look_every : idle_after;
}

void GroupWriter::without_work() {
    if (failed_) return;
    if (log_grown_ < log_size_) grow_log();
    else if (!log_written_back_) write_log_back();
    else still_there(files_.replaced());
}

// Runs the first `group_limit` of what was taken in one transaction and delivers the outcomes.
void GroupWriter::run_group(OperationList& taken) {
    OperationList group = taken.split(options_.group_limit);
    if (failed_) return abandon(group, nullptr, has_failed, has_failed);
    crash_point("store.before_begin");
    try {
        begin_.run();
    } catch (const DatabaseError& error) { return abandon(group, nullptr, error); }
    changes_.clear();
    for (Operation* operation = group.first(); operation; operation = operation->next) {
        const auto before = connection_->total_changes();
        try {
            const bool ran = run_one(*operation);
            const auto rows = static_cast<std::uint64_t>(connection_->total_changes() - before);
            if (rows > most_rows_.load(std::memory_order_relaxed)) most_rows_.store(rows, std::memory_order_relaxed);
            if (ran) continue;
        } catch (const DatabaseError& error) { return abandon(group, operation, error); }
        // Logged without the outcome: it may quote what a client sent.
        log_.error("a write task failed after it had written", {{"group", group.size()}});
        return abandon(group, operation, {Code::internal, "the operation failed half-way; nothing of it was kept"},
                       taken_back);
    }
    crash_point("store.before_commit");
    const auto start = SteadyClock::now();
    try {
        commit_.run();
    } catch (const DatabaseError& error) { return abandon(group, nullptr, error); }
    crash_point("store.after_commit");
    if (!still_there(files_.deleted())) return abandon(group, nullptr, has_failed, has_failed);
    mark_.committed(static_cast<std::uint64_t>(connection_->log_pages()));
    crash_point("store.after_mark");
    commit_seconds_.observe(seconds_since(start));
    groups_.add();
    writes_.add(group.size());
    log_written_back_ = false;
    if (options_.on_commit && !changes_.empty()) options_.on_commit(changes_);
    changes_.clear();
    queue_.finish(group);
    check_log();
}

// False when the task failed and left writes behind. An error of the database leaves as an exception, unless it
// concerns this task alone: SQLite undoes the statement that a constraint stopped, so a task that had written nothing
// before has left nothing.
bool GroupWriter::run_one(Operation& operation) {
    session_.begin_task();
    try {
        if (!operation.run(session_)) return !session_.wrote();
        changes_.append(std::move(session_.changes()));
        return true;
    } catch (const DatabaseError& error) {
        const bool alone = error.fault() == Fault::constraint || error.fault() == Fault::misuse;
        if (!alone || session_.wrote() || !connection_->in_transaction()) throw;
        log_.error("a write task was refused by the database", {{"reason", error.what()}});
        operation.fail(to_error(error));
        return true;
    } catch (const std::exception& error) {
        log_.error("a write task threw", {{"reason", error.what()}});
        operation.fail({Code::internal, "the operation failed"});
        return !session_.wrote();
    }
}

void GroupWriter::abandon(OperationList& group, Operation* guilty, const Error& its, const Error& others) {
    if (connection_->in_transaction()) {
        try {
            rollback_.run();
        } catch (const DatabaseError& error) { stop_for_good(error.what()); }
    }
    for (Operation* operation = group.first(); operation; operation = operation->next)
        operation->fail(operation == guilty ? its : others);
    queue_.finish(group);
}

void GroupWriter::abandon(OperationList& group, Operation* guilty, const DatabaseError& error) {
    log_.error("a group of writes was taken back", {{"writes", group.size()}, {"reason", error.what()}});
    if (error.fault() == Fault::broken) stop_for_good(std::string{error.what()} + "; restart to recover from the log");
    const auto told = to_error(error);
    const bool own_fault = error.fault() == Fault::constraint || error.fault() == Fault::misuse;
    abandon(group, guilty, told, own_fault ? taken_back : told);
}

// A failed flush is never tried again: the kernel may have dropped the pages and call the next one a success. What is
// on disk is found out by opening the store anew.
void GroupWriter::stop_for_good(const std::string& reason) {
    if (failed_) return;
    *failure_.lock() = reason;
    failed_ = true;
    log_.error("the store has failed and takes no more writes", {{"reason", reason}});
    try {
        connection_->leave_log_alone();
    } catch (const DatabaseError&) { // nothing more can be done for it
    }
    if (options_.on_failure) options_.on_failure(reason);
}

bool GroupWriter::still_there(const std::string& what_happened) {
    if (what_happened.empty()) return true;
    rescue();
    stop_for_good(what_happened +
                  "; nothing is acknowledged any more. Put it back, or the rescued copy in its place, and start again");
    return false;
}

// What is open still holds everything that was acknowledged; once the process ends, nothing does.
void GroupWriter::rescue() {
    const auto copy =
        (options_.data / ("millrace.db.rescued-" + std::to_string(SystemClock::instance().now().micros / 1'000'000)))
            .string();
    log_.warning("saving the open database before it is lost", {{"to", copy}});
    try {
        connection_->copy_to(copy);
        log_.warning("the database was saved: rename the copy to millrace.db while the daemon is stopped",
                     {{"copy", copy}});
    } catch (const DatabaseError& error) {
        log_.error("the open database could not be saved", {{"reason", error.what()}});
    }
}

void GroupWriter::check_log() {
    const auto limit = static_cast<int>(options_.checkpoint_pages);
    const int pages = connection_->log_pages();
    if (pages < pages_when_tried_) pages_when_tried_ = 0; // the log has begun anew
    if (pages - pages_when_tried_ < limit) return;
    if (pages > starved_factor * limit) checkpoint(Connection::Checkpoint::restart, starved_patience);
    else checkpoint(Connection::Checkpoint::passive, 0ms);
}

void GroupWriter::write_log_back() {
    if (!failed_ && !log_written_back_) log_written_back_ = checkpoint(Connection::Checkpoint::passive, 50ms);
}

// A flush of bytes that the file already has costs one write to the disk; of bytes at its end, two or three more for
// the file's size. So the log gets its full size in spare moments, as zeros, which SQLite takes for an empty log, and
// is overwritten from its start after each checkpoint instead of being cut off.
void GroupWriter::grow_log() {
    log_grown_ = connection_->grow_log(log_grown_ + grow_step);
    crash_point("store.after_growth");
    if (log_grown_ == 0) log_grown_ = log_size_; // it cannot be; flushes are slower then, nothing else
}

bool GroupWriter::checkpoint(Connection::Checkpoint mode, std::chrono::milliseconds patience) {
    crash_point("store.before_checkpoint");
    const auto start = SteadyClock::now();
    pages_when_tried_ = connection_->log_pages();
    bool complete = false;
    try {
        complete = connection_->checkpoint(mode, patience);
    } catch (const DatabaseError& error) {
        if (error.fault() == Fault::broken)
            stop_for_good(std::string{error.what()} + "; restart to recover from the log");
        else
            log_.warning("the log could not be written back", {{"reason", error.what()}, {"pages", pages_when_tried_}});
    }
    checkpoint_seconds_.observe(seconds_since(start));
    crash_point("store.after_checkpoint");
    if (complete) mark_.written_back();
    return complete;
}

} // namespace millrace::store
