// The readers of a database: threads with a connection each, taking from one bounded queue.
#pragma once
#include "async/guarded.hpp"
#include "store/operation.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace millrace::store {

// One connection, used by the thread that it is given to.
class Reader {
public:
    virtual ~Reader() = default;
    // Begins a read-only transaction and runs the task in it. Throws what the database or the task throws.
    virtual void run(Operation& operation) = 0;
    // After each run(), whatever became of it: no transaction is left.
    virtual void end() = 0;
    // On another thread, at the end: stops what has no limit of its own.
    virtual void stop() = 0;
};

class ReadPool {
public:
    // `capacity`: reads that may wait. `log` and `metrics` outlive the pool.
    ReadPool(std::vector<std::unique_ptr<Reader>> readers, std::size_t capacity, telemetry::Log& log,
             telemetry::Metrics& metrics);
    ~ReadPool(); // close()

    // Thread-safe. Takes it, or fails and delivers it: unavailable when too many wait, or at the end.
    void submit(std::unique_ptr<Operation> operation);
    std::uint64_t reads() const { return reads_.value(); }
    void close(); // runs what is queued, stops what is unlimited, joins

private:
    struct Queue {
        OperationList waiting;
        bool closing = false;
    };

    void serve(Reader& reader);
    void run(Reader& reader, Operation& operation);

    const std::size_t capacity_;
    telemetry::Log& log_;
    telemetry::Histogram& read_seconds_;
    telemetry::Counter& reads_;
    async::Guarded<Queue> queue_;
    std::condition_variable wake_;
    std::vector<std::unique_ptr<Reader>> readers_;
    std::vector<std::thread> threads_; // last: they use all of the above
};

} // namespace millrace::store
