#include "store/sqlite/read_pool.hpp"

#include "async/io_pool.hpp"

#include <chrono>

namespace millrace::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

void deliver(std::unique_ptr<Operation> operation) {
    OperationList one;
    one.push(std::move(operation));
    deliver_all(std::move(one));
}

} // namespace

ReadPool::ReadPool(const std::filesystem::path& file, const SqliteOptions& options, telemetry::Log& log,
                   telemetry::Metrics& metrics)
    : options_{options},
      log_{log},
      read_seconds_{
          metrics.histogram("millrace_store_read_seconds", "Time to run one read, without its wait in the queue")},
      reads_{metrics.counter("millrace_store_reads_total", "Reads run")} {
    for (std::size_t i = 0; i < options_.readers; ++i) readers_.push_back(std::make_unique<Reader>(file));
    for (std::size_t i = 0; i < readers_.size(); ++i)
        readers_[i]->thread = std::thread{[this, i] {
            async::name_this_thread("store-read-" + std::to_string(i));
            serve(*readers_[i]);
        }};
}

ReadPool::~ReadPool() { close(); }

void ReadPool::submit(std::unique_ptr<Operation> operation) {
    const auto take = [&] {
        auto queue = queue_.lock();
        if (queue->closing || queue->waiting.size() >= options_.read_queue) return false;
        queue->waiting.push(std::move(operation));
        return true;
    };
    if (take()) return wake_.notify_one();
    operation->fail({Code::unavailable, "the store's readers are busy or closing; try again"});
    deliver(std::move(operation));
}

void ReadPool::serve(Reader& reader) {
    for (;;) {
        std::unique_ptr<Operation> operation;
        {
            auto queue = queue_.lock();
            wake_.wait(queue.mutex(), [&] { return queue->closing || !queue->waiting.empty(); });
            operation = queue->waiting.pop();
        }
        if (!operation) return;
        run(reader, *operation);
        deliver(std::move(operation));
    }
}

// One transaction, so that all statements of the task see the same state.
void ReadPool::run(Reader& reader, Operation& operation) {
    const auto start = SteadyClock::now();
    reader.session.begin_task();
    if (operation.limited) reader.connection.limit_until(start + options_.read_limit);
    else reader.connection.limit_until(SteadyClock::time_point::max(), &closing_);
    try {
        reader.connection.statement("BEGIN").run();
        operation.run(reader.session);
    } catch (const DatabaseError& error) {
        log_.write(error.fault() == Fault::broken ? telemetry::Level::error : telemetry::Level::warning,
                   "a read failed", {{"reason", error.what()}});
        operation.fail(to_error(error));
    } catch (const std::exception& error) {
        log_.error("a read task threw", {{"reason", error.what()}});
        operation.fail({Code::internal, "the operation failed"});
    }
    reader.connection.limit_until(SteadyClock::time_point::max());
    if (reader.connection.in_transaction()) reader.connection.statement("ROLLBACK").run();
    reads_.add();
    read_seconds_.observe(std::chrono::duration<double>(SteadyClock::now() - start).count());
}

void ReadPool::close() {
    closing_ = true; // an unlimited read does not hold up the end
    queue_.lock()->closing = true;
    wake_.notify_all();
    for (auto& reader : readers_)
        if (reader->thread.joinable()) reader->thread.join();
}

} // namespace millrace::store
