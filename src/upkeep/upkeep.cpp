#include "upkeep/upkeep.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>

namespace millrace::upkeep {

using namespace std::chrono_literals;

Upkeep::Upkeep(const Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics)
    : clock_{clock},
      log_{log},
      metrics_{metrics},
      piece_seconds_{metrics.histogram("millrace_upkeep_piece_seconds", "Time of one piece of housekeeping")} {}

void Upkeep::add(Chore chore) {
    auto& pieces = metrics_.counter("millrace_upkeep_pieces_total", "Pieces of housekeeping done, by chore",
                                    {{"chore", chore.name}});
    chores_.push_back({std::move(chore), Monotonic{}, pieces});
}

void Upkeep::start(asio::io_context& context) {
    timer_ = std::make_shared<asio::steady_timer>(context);
    asio::co_spawn(context, run(), asio::detached);
}

void Upkeep::stop() {
    if (stopped_.exchange(true) || !timer_) return;
    asio::post(timer_->get_executor(), [timer = timer_] { timer->cancel(); });
}

// In turn, so that one with much to do does not keep the others waiting. nullptr: nothing is due yet.
Upkeep::Known* Upkeep::next_due() {
    const auto at = clock_.monotonic();
    for (std::size_t i = 0; i < chores_.size(); ++i) {
        auto& known = chores_[(turn_ + i) % chores_.size()];
        if (known.due > at) continue;
        turn_ = (turn_ + i + 1) % chores_.size();
        return &known;
    }
    return nullptr;
}

awaitable<void> Upkeep::run() {
    const auto timer = timer_;
    while (!stopped_ && !chores_.empty()) {
        auto pause = std::chrono::nanoseconds{1s}; // how late a chore may begin
        if (auto* known = next_due()) {
            const auto before = clock_.monotonic();
            co_await do_piece(*known);
            pause = (share - 1) * (clock_.monotonic() - before);
        }
        if (stopped_) co_return;
        timer->expires_after(pause);
        co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

awaitable<void> Upkeep::do_piece(Known& known) {
    const auto before = clock_.monotonic();
    bool more = false;
    std::string failure;
    try {
        more = co_await known.chore.piece();
    } catch (const std::exception& e) { failure = e.what(); }
    if (!failure.empty())
        log_.error("a chore of the housekeeping failed", {{"chore", known.chore.name}, {"reason", failure}});
    const auto after = clock_.monotonic();
    piece_seconds_.observe(std::chrono::duration<double>(after - before).count());
    known.pieces.add();
    if (!more) known.due = after + known.chore.every;
}

} // namespace millrace::upkeep
