// The writer: one thread and one connection. It takes all that waits, runs it in one transaction, and lets everybody
// know after the commit. Groups form while the last one commits.
//   A task that fails, or is refused, is undone alone: its group runs again with a savepoint around each task.
//   A group that stood in another transaction's way runs again.
//   A lost connection is opened again, and the group runs again. When it was lost during COMMIT, the node's row tells
//   whether the group was committed: nobody is answered before that is known.
#pragma once
#include "store/postgres.hpp"
#include "store/postgres/pg_link.hpp"
#include "store/postgres/pg_session.hpp"
#include "store/write_queue.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace millrace::store {

class PgWriter {
public:
    // `link` is open. `log` and `metrics` outlive the writer.
    PgWriter(std::unique_ptr<PgLink> link, const PostgresOptions& options, telemetry::Log& log,
             telemetry::Metrics& metrics);
    ~PgWriter(); // close()

    void submit(std::unique_ptr<Operation> operation);
    std::optional<std::string> failure() const;
    std::optional<std::string> unreachable() const { return link_->unreachable(); }
    std::uint64_t groups() const { return groups_.value(); }
    std::uint64_t writes() const { return writes_.value(); }
    std::uint64_t most_rows() const { return most_rows_.load(std::memory_order_relaxed); }
    std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); } // as measured last
    void close();                                                                  // runs what is queued, joins

private:
    void serve();
    void without_work();
    void run_group(OperationList& taken);
    bool commit_group(OperationList& group, bool each_alone);
    bool run_together(OperationList& group);
    void run_each_alone(OperationList& group);
    bool run_alone(Operation& operation);
    void take_over_changes();
    void commit();
    bool is_committed_after_all();
    void acknowledge(OperationList& group, std::chrono::steady_clock::time_point start);
    void roll_back();
    bool wait_for_server(bool however_long);
    void stop_for_good(const std::string& reason);

    const PostgresOptions options_;
    telemetry::Log& log_;
    telemetry::Histogram& commit_seconds_;
    telemetry::Counter& groups_;
    telemetry::Counter& writes_;
    telemetry::Counter& again_;

    std::unique_ptr<PgLink> link_;
    PgSession session_;
    Changes changes_; // published by the tasks of the group
    std::chrono::steady_clock::time_point measured_{};

    std::atomic<bool> failed_{false};
    std::atomic<std::uint64_t> most_rows_{0}, bytes_{0};
    mutable async::Guarded<std::string> failure_;
    WriteQueue queue_;
    std::thread thread_; // last: it uses all of the above
};

} // namespace millrace::store
