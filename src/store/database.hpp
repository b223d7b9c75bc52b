// The port of the database. Work is handed over as tasks: writes to the one writer thread, which commits them in
// groups, reads to the reader threads.
//   Result<Key> key = co_await database.read([id](SystemSession& session) { return find_key(session, id); });
// A task returns Result<T>. It may run while its caller is suspended, so it owns what it uses or borrows from what
// lives as long as the application. A write may run several times before its group is committed, each time from the
// same values: it is called as const, and has no effect but on its session and its result.
#pragma once
#include "store/operation.hpp"
#include "store/sql.hpp"

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>

namespace millrace::store {

struct DatabaseStats {
    std::string driver;
    int schema_version = 0;
    std::string damage;       // that was accepted when it was opened; empty: none
    std::uint64_t bytes = 0;  // the database and its log on disk
    std::uint64_t groups = 0; // transactions committed by the writer
    std::uint64_t writes = 0; // write tasks in them
    std::uint64_t reads = 0;
    std::uint64_t most_rows = 0; // changed by one write task: what others waited behind
};

// Whether a read is stopped when it runs for too long. While one runs, the log cannot be emptied: unlimited is for what
// the daemon itself asks, seldom.
enum class ReadTime { limited, unlimited };

class Database {
public:
    virtual ~Database() = default;

    // Runs `task` on the writer thread, in the order of arrival, inside the transaction of its group; the coroutine
    // resumes once that is on disk (or failed). A task returns an error only before its first write, or wraps its
    // writes in session.savepoint(): a task that breaks this rule, or meets a DatabaseError after its first write,
    // is taken back, and its whole group with it where the driver cannot do otherwise: nobody in it is acknowledged.
    // Others wait while a task runs: it changes a bounded number of rows, whatever the data (store/turn.hpp).
    // What it has published (SystemSession::publish) is heard of after the commit and before its coroutine resumes, in
    // the order of the writes.
    //   unavailable: the queue is full, the store is closing or has failed; storage_full: the disk is.
    template <class Task>
    awaitable<TaskResult<Task>> write(Task task) {
        return enqueue(&Database::submit_write, std::move(task));
    }
    // A task for one organisation, with an OrganizationSession: it reaches no other's rows. What services do for
    // whoever asks is done so.
    template <class Task>
    awaitable<TaskResult<OrganizationTask<Task>>> write(OrganizationId organization, Task task) {
        return write(OrganizationTask<Task>{organization, std::move(task)});
    }
    // Runs `task` on a reader thread, in a read-only transaction that sees one state of the database.
    //   unavailable: the queue is full or the store is closing; timed_out: the task ran too long.
    template <class Task>
    awaitable<TaskResult<Task>> read(Task task, ReadTime time = ReadTime::limited) {
        return enqueue(&Database::submit_read, std::move(task), time);
    }
    template <class Task>
    awaitable<TaskResult<OrganizationTask<Task>>> read(OrganizationId organization, Task task) {
        return read(OrganizationTask<Task>{organization, std::move(task)});
    }

    // The same for callers on no coroutine. `done(Result<T>)` is called on a store thread after the commit, or on this
    // one, before this returns, when the queue does not take the task. It must be quick and not throw.
    template <class Task, class Done>
    void post_write(Task task, Done done) {
        submit_write(std::make_unique<CallingOperation<Task, Done>>(std::move(task), std::move(done)));
    }
    template <class Task, class Done>
    void post_read(Task task, Done done, ReadTime time = ReadTime::limited) {
        auto operation = std::make_unique<CallingOperation<Task, Done>>(std::move(task), std::move(done));
        operation->limited = time == ReadTime::limited;
        submit_read(std::move(operation));
    }

    // The same, blocking the calling thread: for start-up and tests, never on an io or store thread. Reads are
    // unlimited.
    template <class Task>
    TaskResult<Task> write_blocking(Task task) {
        std::promise<TaskResult<Task>> promise;
        post_write(std::move(task), [&promise](TaskResult<Task> outcome) { promise.set_value(std::move(outcome)); });
        return promise.get_future().get();
    }
    template <class Task>
    TaskResult<Task> read_blocking(Task task) {
        std::promise<TaskResult<Task>> promise;
        post_read(
            std::move(task), [&promise](TaskResult<Task> outcome) { promise.set_value(std::move(outcome)); },
            ReadTime::unlimited);
        return promise.get_future().get();
    }

    // Thread-safe.
    virtual DatabaseStats stats() const = 0;
    // Why the store has stopped taking writes; nullopt while it works. It does not recover without a restart.
    virtual std::optional<std::string> failure() const = 0;
    // Why the server of the database cannot be reached at present; nullopt while it can, and where there is none. It is
    // tried again all the time.
    virtual std::optional<std::string> unreachable() const { return std::nullopt; }

    // Takes no more, runs what is queued, writes the log back and joins the threads. Idempotent; the destructor does it
    // too. Must come before the executors of waiting coroutines are destroyed.
    virtual void close() = 0;

protected:
    // Take the operation, or fail and deliver it (to its executor) when they cannot.
    virtual void submit_write(std::unique_ptr<Operation> operation) = 0;
    virtual void submit_read(std::unique_ptr<Operation> operation) = 0;

private:
    using Submit = void (Database::*)(std::unique_ptr<Operation>);

    struct Initiation {
        Database* database;
        Submit submit;
        bool limited;
        template <class Handler, class Task>
        void operator()(Handler&& handler, Task task) const {
            using Op = ResumingOperation<Task, std::decay_t<Handler>>;
            auto operation = std::make_unique<Op>(std::move(task), std::forward<Handler>(handler));
            operation->limited = limited;
            (database->*submit)(std::move(operation));
        }
    };
    template <class Task>
    awaitable<TaskResult<Task>> enqueue(Submit submit, Task task, ReadTime time = ReadTime::limited) {
        return asio::async_initiate<const asio::use_awaitable_t<>, void(TaskResult<Task>)>(
            Initiation{this, submit, time == ReadTime::limited}, asio::use_awaitable, std::move(task));
    }
};

} // namespace millrace::store
