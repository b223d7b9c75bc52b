// A socket with deadlines, and the lane that enforces them. A lane is one io thread; everything here runs on it.
//
// While a request is worked on for longer than a look's period (20 ms), the next bytes are read ahead: its end or its
// error says that the peer has gone. A request that is answered sooner costs nothing of it: a read begun for each would
// mostly find nothing.
//
// Deadlines are plain numbers that a lane's ticker compares every 250 ms: arming a timer twice for each request
// would cost more than parsing it.
#pragma once
#include "async/awaitable.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <sys/uio.h>

namespace millrace::http {

using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;
using Steady = std::chrono::steady_clock;

class Connection;

class Lane {
public:
    explicit Lane(asio::io_context& context)
        : context_{&context},
          timer_{std::in_place, context},
          look_timer_{std::in_place, context} {}
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    asio::io_context& context() { return *context_; }
    void add(Connection& connection);
    void remove(Connection& connection);
    void cancel_idle();
    void close_all();
    void watch(Connection& connection); // until its next look
    void unwatch(Connection& connection);
    void stop(); // the tickers, for good, while the context still lives; connections may stay linked

private:
    void tick();
    void look();

    static constexpr std::chrono::milliseconds period{250}, look_period{20};
    asio::io_context* context_;
    std::optional<asio::steady_timer> timer_, look_timer_; // none once stopped
    Connection* first_ = nullptr;
    std::vector<Connection*> watched_;
    bool ticking_ = false, looking_ = false;
};

class Connection {
public:
    Connection(Socket socket, Lane& lane);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    enum class Outcome { ok, ended, timed_out, failed };
    struct Read {
        Outcome outcome = Outcome::ok;
        std::size_t bytes = 0;
    };
    awaitable<Read> read(std::span<char> into, Steady::time_point deadline); // not while one reads ahead

    // `look` (set once) is called by the lane, once for each watch(), unless unwatch() comes before it.
    void on_look(std::function<void()> look) { look_ = std::move(look); }
    void watch() { lane_->watch(*this); }
    void unwatch() { lane_->unwatch(*this); }

    // Begins a read and returns; `into` stays where it is until it has ended. `arrived` (set once) gets what came of
    // it, before whoever waits in arrival() goes on.
    void on_arrival(std::function<void(Read)> arrived) { arrived_ = std::move(arrived); }
    void read_ahead(std::span<char> into);
    bool reads_ahead() const { return ahead_ != nullptr; }
    awaitable<Read> arrival(Steady::time_point deadline); // of what is read ahead
    awaitable<void> stop_reading_ahead();                 // what came before is reported still
    // Looks now, without waiting, whether the peer has closed its side or broken off. Bytes that came are left where
    // they are.
    bool peer_left();

    // Writes all of it; false when the peer is gone or took no byte for `stall`. write_now() writes what the kernel
    // takes at once, without a coroutine: the rest begins at the returned offset. The bytes stay the caller's.
    awaitable<bool> write(std::string_view first, std::string_view second, std::chrono::milliseconds stall);
    std::size_t write_now(std::string_view first, std::string_view second, bool& failed);
    // Says that nothing more comes, and reads what the peer still sends for a moment: closing with unread bytes
    // would reset the connection and could take the answer with it.
    awaitable<void> linger();

    void mark_idle(bool idle) { idle_ = idle; } // an idle connection may be closed when the server stops
    void close();
    int descriptor() { return socket_.native_handle(); }

private:
    friend class Lane;
    struct Ahead;
    void expire(); // by the lane, past the deadline

    Socket socket_;
    Lane* lane_;
    Ahead* ahead_ = nullptr; // owned by the read under way, so that it goes with the io_context
    std::unique_ptr<Ahead> spare_;
    std::function<void(Read)> arrived_;
    std::function<void()> look_;
    std::optional<std::size_t> watched_; // its place in the lane's list
    Outcome end_ = Outcome::ok; // how reading ended, once it has: asio tells of an end once and then waits for ever
    Connection *previous_ = nullptr, *next_ = nullptr;
    Steady::time_point deadline_ = Steady::time_point::max();
    bool expired_ = false, idle_ = false, closed_ = false;
};

} // namespace millrace::http
