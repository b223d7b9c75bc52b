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

void Lane::watch(Connection& connection) {
    if (connection.watched_) return;
    connection.watched_ = watched_.size();
    watched_.push_back(&connection);
    if (looking_ || !look_timer_) return;
    looking_ = true;
    look_timer_->expires_after(look_period);
    look_timer_->async_wait([this](boost::system::error_code error) {
        if (!error) look(); // else cancelled by stop(): `this` may be gone
    });
}

void Lane::unwatch(Connection& connection) {
    if (!connection.watched_) return;
    auto& place = watched_[*connection.watched_];
    place = watched_.back();
    place->watched_ = connection.watched_;
    watched_.pop_back();
    connection.watched_.reset();
}

void Lane::look() {
    looking_ = false;
    const auto watched = std::exchange(watched_, {});
    for (auto* connection : watched) connection->watched_.reset();
    for (auto* connection : watched) connection->look_();
}

void Lane::stop() {
    timer_.reset();
    look_timer_.reset();
}

// A read that goes on beside the coroutine, and the coroutine when it waits for it. Belongs to the operation, not to
// the connection: a coroutine that waits here is destroyed with the io_context, and its connection with it. Between
// reads the connection keeps it for the next one.
struct Connection::Ahead {
    class Waiting {
    public:
        virtual ~Waiting() = default;
        virtual void go_on(Read) = 0; // destroys it first
    };
    ~Ahead() {
        if (connection) connection->ahead_ = nullptr;
        if (waiting) waiting->~Waiting();
    }

    Connection* connection = nullptr; // null when nothing is read, or when the connection is gone
    bool called_off = false;
    Waiting* waiting = nullptr; // in `room`
    alignas(std::max_align_t) std::array<std::byte, 64> room{};
};

Connection::Connection(Socket socket, Lane& lane) : socket_{std::move(socket)}, lane_{&lane} { lane.add(*this); }

Connection::~Connection() {
    if (ahead_) ahead_->connection = nullptr;
    lane_->unwatch(*this);
    lane_->remove(*this);
}

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
    if (end_ != Outcome::ok) co_return Read{end_, 0};
    deadline_ = deadline;
    expired_ = false;
    auto result = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), quietly);
    auto& [error, bytes] = result;
    deadline_ = Steady::time_point::max();
    if (!error) co_return Read{Outcome::ok, bytes};
    if (error == asio::error::eof) co_return Read{end_ = Outcome::ended, 0};
    co_return Read{expired_ ? Outcome::timed_out : Outcome::failed, 0};
}

void Connection::read_ahead(std::span<char> into) {
    auto ahead = spare_ ? std::move(spare_) : std::make_unique<Ahead>();
    ahead->connection = this;
    ahead->called_off = false;
    ahead_ = ahead.get();
    expired_ = false;
    socket_.async_read_some(asio::buffer(into.data(), into.size()),
                            [ahead = std::move(ahead)](boost::system::error_code error, std::size_t bytes) mutable {
                                auto its = std::exchange(ahead, nullptr);
                                auto* connection = std::exchange(its->connection, nullptr);
                                if (!connection) return;
                                connection->ahead_ = nullptr;
                                if (its->waiting)
                                    connection->deadline_ = Steady::time_point::max(); // else it is a write's
                                Read read{Outcome::ok, bytes};
                                if (error == asio::error::eof) read = {connection->end_ = Outcome::ended, 0};
                                else if (error) read = {connection->expired_ ? Outcome::timed_out : Outcome::failed, 0};
                                const bool nothing =
                                    its->called_off && error == asio::error::operation_aborted; // the peer is as it was
                                auto* waiting = std::exchange(its->waiting, nullptr);
                                connection->spare_ = std::move(its);
                                if (connection->arrived_ && !nothing) connection->arrived_(read);
                                if (waiting) waiting->go_on(read);
                            });
}

awaitable<Connection::Read> Connection::arrival(Steady::time_point deadline) {
    deadline_ = deadline;
    auto initiate = [this]<class Handler>(Handler handler) {
        class Holder final : public Ahead::Waiting {
        public:
            explicit Holder(Handler its) : held_{std::move(its)} {}
            void go_on(Read read) override {
                auto taken = std::move(held_);
                this->~Holder();
                std::move(taken)(read);
            }

        private:
            Handler held_;
        };
        static_assert(sizeof(Holder) <= sizeof(Ahead::room));
        ahead_->waiting = ::new (ahead_->room.data()) Holder{std::move(handler)};
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Read)>(std::move(initiate),
                                                                                       asio::use_awaitable);
}

awaitable<void> Connection::stop_reading_ahead() {
    if (!ahead_) co_return;
    ahead_->called_off = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
    co_await arrival(Steady::time_point::max());
}

bool Connection::peer_left() {
    if (closed_) return true;
    char byte;
    const auto n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

std::size_t Connection::write_now(std::string_view first, std::string_view second, bool& failed) {
    if (closed_) {
        failed = true;
        return 0;
    }
    std::array<iovec, 2> pieces{
        {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}}};
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
    co_await stop_reading_ahead();
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    std::array<char, 4096> sink{};
    const auto deadline = Steady::now() + linger_time;
    for (std::size_t left = linger_bytes; left > 0;) {
        const auto got = co_await read(sink, deadline);
        if (got.outcome != Outcome::ok) co_return;
        left -= std::min(left, got.bytes);
    }
}

} // namespace millrace::http
