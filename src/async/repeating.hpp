// Work that is done again and again on an io thread: what is kept in memory is stored every few seconds.
#pragma once
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace millrace::async {

class Repeating {
public:
    Repeating();
    ~Repeating() { stop(); }
    Repeating(const Repeating&) = delete;
    Repeating& operator=(const Repeating&) = delete;

    // Calls `work` on the context's thread, `every` after this call and after the end of each. Once. `work` does not
    // throw, and what it borrows outlives the context's last handler or a stop() on the context's thread.
    void start(boost::asio::io_context& context, std::chrono::milliseconds every, std::function<void()> work);

    // No work is begun any more; what is under way ends by itself. True when this has stopped it. Any thread.
    bool stop();
    bool stopped() const;

private:
    struct State;
    std::shared_ptr<State> state_; // shared with its handler, which may come after stop()
};

} // namespace millrace::async
