#include "processors/exec/seats.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace millrace::processors {

// A coroutine's place in the line; its timer ends early when a seat is put into it.
struct Seats::Waiter {
    Waiter(Seats& owner, const asio::any_io_executor& executor, Monotonic deadline)
        : seats{owner},
          timer{executor, deadline},
          place{owner.waiting_.insert(owner.waiting_.end(), this)} {}
    ~Waiter() {
        if (!seat) seats.waiting_.erase(place);
    }

    Seats& seats;
    asio::steady_timer timer;
    std::list<Waiter*>::iterator place;
    std::optional<Seat> seat; // then it is no longer in the line
};

awaitable<std::optional<Seats::Seat>> Seats::take(Monotonic deadline) {
    if (free_ > 0) {
        --free_;
        co_return Seat{*this};
    }
    const auto executor = co_await asio::this_coro::executor;
    Waiter waiter{*this, executor, deadline};
    boost::system::error_code ignored; // aborted: by a seat, or by a cancellation
    co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (!waiter.seat) co_return std::nullopt;
    co_return std::move(*waiter.seat);
}

void Seats::give_back() {
    if (waiting_.empty()) {
        ++free_;
        return;
    }
    auto& first = *waiting_.front();
    waiting_.pop_front();
    first.seat.emplace(*this);
    first.timer.cancel();
}

} // namespace millrace::processors
