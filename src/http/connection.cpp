#include "http/connection.hpp"

#include <boost/asio/as_tuple.hpp>

#include <array>

#include <sys/socket.h>

namespace millrace::http {
namespace {

constexpr auto quietly = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t linger_bytes = 1 << 20;
constexpr std::chrono::seconds linger_time{1};

} // namespace

void Lane::add(Connection& connection) {
    connection.next_ = first_;
    if (first_) first_->previous_ = &connection;
    first_ = &connection;
    if (!ticking_) tick();
}

void Lane::remove(Connection& connection) {
    (connection.previous_ ? connection.previous_->next_ : first_) = connection.next_;
    if (connection.next_) connection.next_->previous_ = connection.previous_;
}

void Lane::tick() {
    if (!timer_) return;
    ticking_ = true;
    timer_->expires_after(period);
    timer_->async_wait([this](boost::system::error_code error) {
        if (error) return; // cancelled by stop(): `this` may be gone
        ticking_ = false;
        const auto now = Steady::now();
        for (auto* connection = first_; connection; connection = connection->next_)
            if (connection->deadline_ <= now) connection->expire();
        if (first_) tick();
    });
}

void Lane::cancel_idle() {
    for (auto* connection = first_; connection; connection = connection->next_)
        if (connection->idle_) connection->expire();
}

void Lane::close_all() {
    for (auto* connection = first_; connection; connection = connection->next_) connection->close();
}

void Lane::stop() { timer_.reset(); }

Connection::Connection(Socket socket, Lane& lane) : socket_{std::move(socket)}, lane_{&lane} { lane.add(*this); }

Connection::~Connection() { lane_->remove(*this); }

void Connection::expire() {
    expired_ = true;
    deadline_ = Steady::time_point::max();
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

void Connection::close() {
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
}

awaitable<Connection::Read> Connection::read(std::span<char> into, Steady::time_point deadline) {
    if (closed_) co_return Read{Outcome::failed, 0};
    deadline_ = deadline;
    expired_ = false;
    auto result = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), quietly);
    auto& [error, bytes] = result;
    deadline_ = Steady::time_point::max();
    if (!error) co_return Read{Outcome::ok, bytes};
    if (error == asio::error::eof) co_return Read{Outcome::ended, 0};
    co_return Read{expired_ ? Outcome::timed_out : Outcome::failed, 0};
}

std::size_t Connection::write_now(std::string_view first, std::string_view second, bool& failed) {
    if (closed_) {
        failed = true;
        return 0;
    }
    std::array<iovec, 2> pieces{{{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}}};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = second.empty() ? 1 : 2;
    for (;;) {
        const auto sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return static_cast<std::size_t>(sent);
        if (errno == EINTR) continue;
        failed = errno != EAGAIN && errno != EWOULDBLOCK;
        return 0;
    }
}

awaitable<bool> Connection::write(std::string_view first, std::string_view second, std::chrono::milliseconds stall) {
    bool failed = false;
    if (first.empty()) std::swap(first, second);
    for (;;) {
        auto sent = write_now(first, second, failed);
        if (failed) co_return false;
        const auto of_first = std::min(sent, first.size());
        first.remove_prefix(of_first);
        second.remove_prefix(sent - of_first);
        if (first.empty()) std::swap(first, second);
        if (first.empty()) co_return true;
        deadline_ = Steady::now() + stall;
        expired_ = false;
        auto result = co_await socket_.async_wait(Socket::wait_write, quietly);
        deadline_ = Steady::time_point::max();
        if (std::get<0>(result) || closed_) co_return false;
    }
}

awaitable<void> Connection::linger() {
    if (closed_) co_return;
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    std::array<char, 4096> sink;
    const auto deadline = Steady::now() + linger_time;
    for (std::size_t left = linger_bytes; left > 0;) {
        const auto got = co_await read(sink, deadline);
        if (got.outcome != Outcome::ok) co_return;
        left -= std::min(left, got.bytes);
    }
}

} // namespace millrace::http
