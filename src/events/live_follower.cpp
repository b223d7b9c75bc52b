#include "events/live_log.hpp"
#include "events/live_seat.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>

namespace millrace::events {
namespace {

constexpr int most_looked_at = 1024; // while others wait for the log

} // namespace

LiveFollower::LiveFollower(std::shared_ptr<LiveLog> log, LiveFilter filter, const asio::any_io_executor& executor)
    : log_{std::move(log)},
      seat_{std::make_shared<LiveLog::Seat>(std::move(filter), executor)} {
    log_->add(seat_);
}

LiveFollower::~LiveFollower() { log_->remove(seat_); }

bool LiveFollower::resume(const LivePlace& place) {
    auto state = log_->state_.lock();
    if (place.epoch != log_->epoch_ || place.position < state->first || place.position > state->next()) return false;
    if (seat_->filter.takes_type(job_state) && !seat_->filter.jobs && place.position < state->recorded) return false;
    seat_->position = place.position;
    seat_->number = place.number;
    return true;
}

LivePlace LiveFollower::place() const {
    auto state = log_->state_.lock();
    if (seat_->waits) return {state->last_number, log_->epoch_, state->next()};
    return {seat_->number, log_->epoch_, seat_->position};
}

LiveFollower::Taken LiveFollower::take(std::size_t most_bytes) {
    Taken taken;
    seat_->woken = false;
    std::size_t bytes = 0;
    for (bool more = true; more;) {
        auto state = log_->state_.lock();
        LiveLog::set_waits(*state, *seat_, false);
        if (seat_->position < state->first) {
            taken.lost = true;
            seat_->position = state->next();
            seat_->number = state->last_number;
            break;
        }
        for (int looked = 0; looked < most_looked_at && seat_->position < state->next() && bytes < most_bytes;
             ++looked) {
            const auto& entry = state->entries[seat_->position - state->first];
            if (seat_->filter.takes(*entry)) {
                bytes += entry->text.size();
                taken.entries.push_back(entry);
            }
            seat_->number = std::max(seat_->number, entry->number);
            ++seat_->position;
        }
        more = seat_->position < state->next() && bytes < most_bytes;
        if (!more && taken.entries.empty()) LiveLog::set_waits(*state, *seat_, true);
    }
    return taken;
}

awaitable<void> LiveFollower::wait(std::chrono::milliseconds at_most) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (seat_->woken || cancellation.cancelled() != asio::cancellation_type::none) co_return;
    seat_->timer.expires_after(at_most);
    co_await seat_->timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

bool LiveFollower::closed() const { return log_->state_.lock()->closed; }

const LiveFilter& LiveFollower::filter() const { return seat_->filter; }

} // namespace millrace::events
