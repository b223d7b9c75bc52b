#include "store/write_queue.hpp"

#include <utility>

namespace millrace::store {

WriteQueue::WriteQueue(std::size_t capacity, telemetry::Metrics& metrics)
    : capacity_{capacity},
      refused_{metrics.counter("millrace_store_writes_refused_total", "Writes refused because the queue was full")},
      waiting_gauge_{metrics.gauge("millrace_store_writes_waiting", "Writes waiting for the writer or in its group")} {}

void WriteQueue::submit(std::unique_ptr<Operation> operation) {
    if (waiting_.fetch_add(1, std::memory_order_relaxed) >= capacity_) {
        waiting_.fetch_sub(1, std::memory_order_relaxed);
        refused_.add();
        return store::refuse(std::move(operation), {Code::unavailable, "the store's queue is full; try again"});
    }
    bool wake = false, closed = false;
    {
        auto queue = queue_.lock();
        closed = queue->closing;
        if (!closed) {
            queue->waiting.push(std::move(operation));
            wake = std::exchange(queue->sleeping, false);
        }
    }
    if (wake) wake_.notify_one();
    if (closed) {
        waiting_.fetch_sub(1, std::memory_order_relaxed);
        store::refuse(std::move(operation), {Code::unavailable, "the store is closing"});
    }
}

WriteQueue::Wake WriteQueue::wait(OperationList& taken, std::chrono::milliseconds patience) {
    auto queue = queue_.lock();
    const auto awake = [&] { return !queue->waiting.empty() || queue->closing; };
    while (!awake()) {
        queue->sleeping = true;
        const bool late = wake_.wait_for(queue.mutex(), patience) == std::cv_status::timeout;
        if (late && !awake()) {
            queue->sleeping = false;
            return Wake::patience;
        }
    }
    queue->sleeping = false;
    taken.take(queue->waiting);
    return taken.empty() ? Wake::closing : Wake::work;
}

void WriteQueue::take(OperationList& taken) { taken.take(queue_.lock()->waiting); }

void WriteQueue::finish(OperationList& group) {
    const auto left = waiting_.fetch_sub(group.size(), std::memory_order_relaxed) - group.size();
    waiting_gauge_.set(static_cast<std::int64_t>(left));
    deliver_all(std::move(group));
}

void WriteQueue::refuse(OperationList& group, const Error& why) {
    for (Operation* operation = group.first(); operation; operation = operation->next) operation->fail(why);
    finish(group);
}

void WriteQueue::close() {
    {
        auto queue = queue_.lock();
        queue->closing = true;
        queue->sleeping = false;
    }
    wake_.notify_one();
}

void refuse(std::unique_ptr<Operation> operation, const Error& why) {
    operation->fail(why);
    OperationList one;
    one.push(std::move(operation));
    deliver_all(std::move(one));
}

} // namespace millrace::store
