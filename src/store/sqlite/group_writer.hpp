// The writer: one thread, the one connection that writes and checkpoints. It takes all that waits, runs it in one
// transaction, and lets everybody know after the flush. Groups form while the last flush runs; nothing waits for one.
#pragma once
#include "async/guarded.hpp"
#include "store/sqlite.hpp"
#include "store/sqlite/file_watch.hpp"
#include "store/sqlite/log_mark.hpp"
#include "store/sqlite/session.hpp"
#include "store/write_queue.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace millrace::store {

class GroupWriter {
public:
    // `log` and `metrics` outlive the writer.
    GroupWriter(std::unique_ptr<Connection> connection, const SqliteOptions& options, telemetry::Log& log,
                telemetry::Metrics& metrics);
    ~GroupWriter(); // close()

    void submit(std::unique_ptr<Operation> operation);
    std::optional<std::string> failure() const;
    std::uint64_t groups() const { return groups_.value(); }
    std::uint64_t writes() const { return writes_.value(); }
    std::uint64_t most_rows() const { return most_rows_.load(std::memory_order_relaxed); }
    void close(); // runs what is queued, writes the log back, joins

private:
    void serve();
    std::chrono::milliseconds patience() const;
    void without_work();
    void run_group(OperationList& taken);
    bool run_one(Operation& operation);

    // How a group that cannot be committed ends: `guilty` (may be null) is told `its`, everybody else `others`.
    void abandon(OperationList& group, Operation* guilty, const Error& its, const Error& others);
    void abandon(OperationList& group, Operation* guilty, const DatabaseError& error);
    void stop_for_good(const std::string& reason);
    bool still_there(const std::string& what_happened); // false: the files are gone, and the store has stopped
    void rescue();

    void check_log();
    void write_log_back();
    void grow_log();
    bool checkpoint(Connection::Checkpoint mode, std::chrono::milliseconds patience);

    const SqliteOptions options_;
    telemetry::Log& log_;
    telemetry::Histogram& commit_seconds_;
    telemetry::Histogram& checkpoint_seconds_;
    telemetry::Counter& groups_;
    telemetry::Counter& writes_;

    std::unique_ptr<Connection> connection_;
    SqliteSession session_;
    Statement& begin_;
    Statement& commit_;
    Statement& rollback_;
    int pages_when_tried_ = 0;      // log pages at the last checkpoint
    bool log_written_back_ = false; // nothing was committed since
    FileWatch files_;
    LogMark mark_;
    const std::uint64_t log_size_; // bytes that its file is to have
    std::uint64_t log_grown_ = 0;  // bytes that it is known to have
    Changes changes_;              // published by the tasks of the group

    std::atomic<bool> failed_{false};
    std::atomic<std::uint64_t> most_rows_{0}; // changed by one task
    mutable async::Guarded<std::string> failure_;
    WriteQueue queue_;
    std::thread thread_; // last: it uses all of the above
};

} // namespace millrace::store
