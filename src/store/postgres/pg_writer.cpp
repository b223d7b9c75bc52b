#include "store/postgres/pg_writer.hpp"

#include "async/io_pool.hpp"
#include "base/crash_point.hpp"

#include <libpq-fe.h>

#include <chrono>

namespace millrace::store {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto probe_every = 1s; // without a write: whether the server is still there
constexpr auto measure_every = 60s;
constexpr auto look_again = 20ms; // while the server is away
constexpr int most_tries = 8;     // of one group, whatever stands in its way

const Error has_failed{Code::unavailable,
                       "the store has failed and takes no writes; the operator must look at the log"};
const Error not_reached{Code::unavailable, "the database cannot be reached; try again"};
const Error in_the_way{Code::unavailable, "other transactions stood in the way; try again"};

// Whether an error is of the task that met it, and not of the connection or the server.
bool is_its_own(Fault fault) {
    return fault == Fault::constraint || fault == Fault::misuse || fault == Fault::time_limit;
}

} // namespace

PgWriter::PgWriter(std::unique_ptr<PgLink> link, const PostgresOptions& options, telemetry::Log& log,
                   telemetry::Metrics& metrics)
    : options_{options},
      log_{log},
      commit_seconds_{
          metrics.histogram("millrace_store_commit_seconds", "Time to commit one group of writes, flush included")},
      groups_{metrics.counter("millrace_store_groups_total", "Groups of writes committed")},
      writes_{metrics.counter("millrace_store_writes_total", "Writes in the committed groups")},
      again_{metrics.counter("millrace_store_groups_again_total",
                             "Groups of writes run again after a lost connection or a conflict")},
      link_{std::move(link)},
      session_{link_->connection()},
      queue_{options.write_queue, metrics} {
    thread_ = std::thread{[this] {
        async::name_this_thread("store-writer");
        serve();
    }};
}

PgWriter::~PgWriter() { close(); }

void PgWriter::submit(std::unique_ptr<Operation> operation) {
    if (failed_.load(std::memory_order_relaxed)) return refuse(std::move(operation), has_failed);
    queue_.submit(std::move(operation));
}

std::optional<std::string> PgWriter::failure() const {
    if (!failed_) return std::nullopt;
    return *failure_.lock();
}

void PgWriter::close() {
    queue_.close();
    if (thread_.joinable()) thread_.join();
}

void PgWriter::serve() {
    for (;;) {
        OperationList taken;
        const auto why = queue_.wait(taken, probe_every);
        while (!taken.empty()) run_group(taken);
        if (why == WriteQueue::Wake::patience) without_work();
        if (why == WriteQueue::Wake::closing) return;
    }
}

void PgWriter::without_work() {
    if (failed_) return;
    try {
        link_->probe();
        if (!link_->connection().is_open() || SteadyClock::now() < measured_ + measure_every) return;
        measured_ = SteadyClock::now();
        bytes_ = std::stoull(link_->connection().text("SELECT pg_database_size(current_database())").value_or("0"));
    } catch (const Fenced& fenced) { stop_for_good(fenced.what()); } catch (const DatabaseError& error) {
        log_.warning("the database could not be measured", {{"reason", error.what()}});
    }
}

// Runs the first `group_limit` of what was taken in one transaction and delivers the outcomes.
void PgWriter::run_group(OperationList& taken) {
    OperationList group = taken.split(options_.group_limit);
    bool each_alone = false;
    for (int tries = 0; tries < most_tries; ++tries) {
        if (failed_) return queue_.refuse(group, has_failed);
        try {
            if (!wait_for_server(false)) return queue_.refuse(group, not_reached);
            const auto start = SteadyClock::now();
            if (commit_group(group, each_alone)) return acknowledge(group, start);
            each_alone = true;
        } catch (const Fenced& fenced) { stop_for_good(fenced.what()); } catch (const DatabaseError& error) {
            roll_back();
            log_.warning("a group of writes was taken back", {{"writes", group.size()}, {"reason", error.what()}});
            if (error.fault() == Fault::broken) stop_for_good(error.what());
            if (error.fault() != Fault::conflict && error.fault() != Fault::lost)
                return queue_.refuse(group, to_error(error));
            again_.add();
        }
    }
    queue_.refuse(group, in_the_way);
}

// False when a task failed, and its group is to be run again with each task for itself.
bool PgWriter::commit_group(OperationList& group, bool each_alone) {
    crash_point("store.before_begin");
    changes_.clear();
    session_.forget_inserts();
    link_->row().begin_group();
    if (each_alone) {
        run_each_alone(group);
    } else if (!run_together(group)) {
        roll_back();
        return false;
    }
    commit();
    return true;
}

// Without savepoints, as nearly every group goes. False when one failed: PostgreSQL then goes on with nothing of the
// transaction.
bool PgWriter::run_together(OperationList& group) {
    for (Operation* operation = group.first(); operation; operation = operation->next) {
        session_.begin_task();
        try {
            if (operation->run(session_)) take_over_changes();
            else if (session_.changed() != 0) return false;
        } catch (const DatabaseError& error) {
            if (!is_its_own(error.fault())) throw;
            return false;
        } catch (const std::exception&) { return false; }
    }
    try {
        session_.send_inserts();
    } catch (const DatabaseError& error) {
        if (!is_its_own(error.fault())) throw;
        return false;
    }
    return true;
}

void PgWriter::run_each_alone(OperationList& group) {
    auto& connection = link_->connection();
    for (Operation* operation = group.first(); operation; operation = operation->next) {
        session_.begin_task();
        connection.script("SAVEPOINT alone");
        const bool keep = run_alone(*operation);
        connection.script(keep ? "RELEASE alone" : "ROLLBACK TO alone; RELEASE alone");
        if (keep) take_over_changes();
    }
}

bool PgWriter::run_alone(Operation& operation) {
    try {
        const bool keep = operation.run(session_);
        if (keep) session_.send_inserts();
        else session_.forget_inserts();
        return keep;
    } catch (const DatabaseError& error) {
        if (!is_its_own(error.fault())) throw;
        log_.error("a write task was refused by the database", {{"reason", error.what()}});
        operation.fail(to_error(error));
    } catch (const std::exception& error) {
        log_.error("a write task threw", {{"reason", error.what()}});
        operation.fail({Code::internal, "the operation failed"});
    }
    session_.forget_inserts();
    return false;
}

void PgWriter::take_over_changes() {
    changes_.append(std::move(session_.changes()));
    const auto rows = static_cast<std::uint64_t>(session_.changed());
    if (rows > most_rows_.load(std::memory_order_relaxed)) most_rows_.store(rows, std::memory_order_relaxed);
}

void PgWriter::commit() {
    crash_point("store.before_commit");
    auto& connection = link_->connection();
    try {
        connection.was_warned(); // of what came before
        const auto done = connection.script("COMMIT");
        if (std::string_view{PQcmdStatus(done.get())} != "COMMIT")
            throw DatabaseError{Fault::misuse, "the transaction had failed before its end"};
    } catch (const DatabaseError& error) {
        if (error.fault() != Fault::lost || !is_committed_after_all()) throw;
    }
    if (connection.was_warned()) stop_for_good("a standby that was to confirm a commit did not");
    crash_point("store.after_commit");
}

// The answer to COMMIT was lost. However long the server is away: nobody is told anything before this is known, unless
// the daemon ends.
bool PgWriter::is_committed_after_all() {
    while (wait_for_server(true)) {
        try {
            const bool committed = link_->row().was_committed();
            log_.warning("the answer to a commit was lost", {{"committed", committed ? "yes" : "no"}});
            return committed;
        } catch (const DatabaseError& error) {
            log_.warning("a commit is in doubt", {{"reason", error.what()}});
            if (error.fault() != Fault::lost && error.fault() != Fault::unavailable) throw;
        }
    }
    log_.error("the daemon ends while a commit is in doubt");
    return false;
}

void PgWriter::acknowledge(OperationList& group, SteadyClock::time_point start) {
    if (failed_) return queue_.refuse(group, has_failed);
    link_->row().note_commit();
    commit_seconds_.observe(std::chrono::duration<double>(SteadyClock::now() - start).count());
    groups_.add();
    writes_.add(group.size());
    if (options_.on_commit && !changes_.empty()) options_.on_commit(changes_);
    changes_.clear();
    queue_.finish(group);
}

void PgWriter::roll_back() {
    auto& connection = link_->connection();
    if (!connection.in_transaction()) return;
    try {
        connection.script("ROLLBACK");
    } catch (const DatabaseError&) { // the server rolls back what belongs to no connection
        connection.disconnect();
    }
}

// False when it is away for longer than whoever waits has patience. For the group whose commit is in doubt there is no
// end of waiting, but none of the others waits behind it for longer.
bool PgWriter::wait_for_server(bool however_long) {
    while (!link_->reach()) {
        if (queue_.closing()) return false;
        if (link_->away() > options_.patience) {
            if (!however_long) return false;
            OperationList others;
            queue_.take(others);
            queue_.refuse(others, not_reached);
        }
        std::this_thread::sleep_for(look_again);
    }
    return true;
}

// Another daemon has taken over, the server has lost data, or a commit may not last: only a new start finds out what is
// there.
void PgWriter::stop_for_good(const std::string& reason) {
    if (failed_) return;
    *failure_.lock() = reason;
    failed_ = true;
    log_.error("the store has failed and takes no more writes", {{"reason", reason}});
    if (options_.on_failure) options_.on_failure(reason);
}

} // namespace millrace::store
