// Housekeeping: what is kept no longer is deleted, what has grown is made small. Each feature gives its chores, which
// do a bounded piece at a time and know where they were. One piece runs at a time, over all chores in turn, and no more
// than a share of the time is spent on them, so that nobody who works waits for it. Runs on one thread's io_context.
#pragma once
#include "async/awaitable.hpp"
#include "base/clock.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace millrace::upkeep {

struct Chore {
    std::string name;           // for the log and the metrics
    std::chrono::seconds every; // from the end of one round to the next
    // A bounded piece of a round: some hundred rows. Whether there is more to do in this round. What fails is tried
    // again in the next one: it says so itself.
    std::function<awaitable<bool>()> piece;
};

class Upkeep {
public:
    static constexpr int share = 4; // a quarter of the time, at most

    Upkeep(const Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics);
    ~Upkeep() { stop(); }

    void add(Chore chore); // before start(); what it borrows outlives stop() and the context
    void start(asio::io_context& context);
    void stop(); // no piece begins any more. Any thread; idempotent

private:
    struct Known {
        Chore chore;
        Monotonic due{}; // its next piece
        telemetry::Counter& pieces;
    };
    awaitable<void> run();
    Known* next_due();
    awaitable<void> do_piece(Known& known);

    const Clock& clock_;
    telemetry::Log& log_;
    telemetry::Metrics& metrics_;
    telemetry::Histogram& piece_seconds_;
    std::vector<Known> chores_;
    std::size_t turn_ = 0;                      // where the next search begins
    std::shared_ptr<asio::steady_timer> timer_; // shared with run(), which may end after stop()
    std::atomic<bool> stopped_{false};
};

} // namespace millrace::upkeep
