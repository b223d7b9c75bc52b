// The io threads: one io_context a thread, so that everything bound to one connection runs on one thread and
// needs no strand. Only these threads touch sockets.
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace millrace::async {

class IoPool {
public:
    // Starts `size` threads called NAME-0, NAME-1, …
    IoPool(const std::string& name, std::size_t size);
    ~IoPool(); // stop() and join
    IoPool(const IoPool&) = delete;
    IoPool& operator=(const IoPool&) = delete;

    std::size_t size() const { return lanes_.size(); }
    boost::asio::io_context& at(std::size_t index) { return lanes_[index]->context; }
    boost::asio::io_context& next() { return at(turn_.fetch_add(1, std::memory_order_relaxed) % lanes_.size()); }

    // Stops the contexts; handlers that have not run are destroyed with the pool. Idempotent.
    void stop();

private:
    struct Lane {
        boost::asio::io_context context{1};
        boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
        std::thread thread;
    };
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::atomic<std::size_t> turn_{0};
};

// Names the calling thread (15 characters are kept) for top, gdb and perf.
void name_this_thread(const std::string& name);

} // namespace millrace::async
