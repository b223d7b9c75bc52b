#include "jobs/dispatch/waiters.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>

namespace millrace::jobs {

Waiters::Seat::Seat(Waiters& room, JobId job, const asio::any_io_executor& executor)
    : room_{room},
      job_{job},
      state_{std::make_shared<State>(State{executor, asio::steady_timer{executor}})} {
    auto seats = room_.seats_.lock();
    seats->emplace(job_, state_);
    room_.taken_ = seats->size();
}

Waiters::Seat::~Seat() {
    auto seats = room_.seats_.lock();
    const auto [first, last] = seats->equal_range(job_);
    for (auto at = first; at != last; ++at)
        if (at->second == state_) {
            seats->erase(at);
            break;
        }
    room_.taken_ = seats->size();
}

awaitable<void> Waiters::Seat::wait(std::chrono::milliseconds at_most) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (state_->ended || cancellation.cancelled() != asio::cancellation_type::none) co_return;
    state_->timer.expires_after(at_most);
    co_await state_->timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

void Waiters::ended(JobId job) {
    if (taken_ == 0) return;
    auto seats = seats_.lock();
    const auto [first, last] = seats->equal_range(job);
    for (auto at = first; at != last; ++at)
        asio::post(at->second->executor, [state = at->second] {
            state->ended = true;
            state->timer.cancel();
        });
    seats->erase(first, last); // told once
    taken_ = seats->size();
}

} // namespace millrace::jobs
