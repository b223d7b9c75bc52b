// What waits for the writer of a database: bounded, in the order of arrival. Submitting is thread-safe; all else is for
// the writer's thread.
#pragma once
#include "async/guarded.hpp"
#include "store/operation.hpp"
#include "telemetry/metrics.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>

namespace millrace::store {

class WriteQueue {
public:
    // `capacity`: operations that may wait or be in the running group. `metrics` outlives the queue.
    WriteQueue(std::size_t capacity, telemetry::Metrics& metrics);

    // Takes it, or fails and delivers it: unavailable when the queue is full or closing.
    void submit(std::unique_ptr<Operation> operation);

    enum class Wake { work, patience, closing };
    // Takes everything that waits. patience: nothing came for so long. closing: nothing is left, and nothing comes any
    // more.
    Wake wait(OperationList& taken, std::chrono::milliseconds patience);
    // The same without waiting.
    void take(OperationList& taken);
    // Delivers the outcomes of what was taken.
    void finish(OperationList& group);
    // Fails and delivers what was taken.
    void refuse(OperationList& group, const Error& why);

    void close(); // thread-safe
    bool closing() { return queue_.lock()->closing; }

private:
    struct Queue {
        OperationList waiting;
        bool sleeping = false, closing = false;
    };

    const std::size_t capacity_;
    telemetry::Counter& refused_;
    telemetry::Gauge& waiting_gauge_;
    std::atomic<std::size_t> waiting_{0}; // queued or in the running group
    async::Guarded<Queue> queue_;
    std::condition_variable wake_;
};

// Fails one operation and delivers it.
void refuse(std::unique_ptr<Operation> operation, const Error& why);

} // namespace millrace::store
