#include "store/read_pool.hpp"

#include "async/io_pool.hpp"
#include "store/write_queue.hpp"

#include <chrono>
#include <string>

namespace millrace::store {

ReadPool::ReadPool(std::vector<std::unique_ptr<Reader>> readers, std::size_t capacity, telemetry::Log& log,
                   telemetry::Metrics& metrics)
    : capacity_{capacity},
      log_{log},
      read_seconds_{
          metrics.histogram("millrace_store_read_seconds", "Time to run one read, without its wait in the queue")},
      reads_{metrics.counter("millrace_store_reads_total", "Reads run")},
      readers_{std::move(readers)} {
    for (std::size_t i = 0; i < readers_.size(); ++i)
        threads_.emplace_back([this, i] {
            async::name_this_thread("store-read-" + std::to_string(i));
            serve(*readers_[i]);
        });
}

ReadPool::~ReadPool() { close(); }

void ReadPool::submit(std::unique_ptr<Operation> operation) {
    {
        auto queue = queue_.lock();
        if (!queue->closing && queue->waiting.size() < capacity_) queue->waiting.push(std::move(operation));
    }
    if (!operation) return wake_.notify_one();
    refuse(std::move(operation), {Code::unavailable, "the store's readers are busy or closing; try again"});
}

void ReadPool::serve(Reader& reader) {
    using SteadyClock = std::chrono::steady_clock;
    for (;;) {
        std::unique_ptr<Operation> operation;
        {
            auto queue = queue_.lock();
            wake_.wait(queue.mutex(), [&] { return queue->closing || !queue->waiting.empty(); });
            operation = queue->waiting.pop();
        }
        if (!operation) return;
        const auto start = SteadyClock::now();
        run(reader, *operation);
        reads_.add();
        read_seconds_.observe(std::chrono::duration<double>(SteadyClock::now() - start).count());
        OperationList one;
        one.push(std::move(operation));
        deliver_all(std::move(one));
    }
}

// An error becomes the outcome of its task alone.
void ReadPool::run(Reader& reader, Operation& operation) {
    try {
        reader.run(operation);
    } catch (const DatabaseError& error) {
        log_.write(error.fault() == Fault::broken ? telemetry::Level::error : telemetry::Level::warning,
                   "a read failed", {{"reason", error.what()}});
        operation.fail(to_error(error));
    } catch (const std::exception& error) {
        log_.error("a read task threw", {{"reason", error.what()}});
        operation.fail({Code::internal, "the operation failed"});
    }
    reader.end();
}

void ReadPool::close() {
    queue_.lock()->closing = true;
    wake_.notify_all();
    for (auto& reader : readers_) reader->stop();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

} // namespace millrace::store
