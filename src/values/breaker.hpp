// A circuit breaker (Nygard, Release It!): more than half of at least ten attempts within a minute failed, and it
// opens: new work is refused and what waits is held. After a time one attempt at a time is let through as a probe;
// three successes in a row close it, one failure opens it again for twice as long. record(), allows(), began() and
// gave_up() by one thread at a time; what other threads may ask says so.
#pragma once
#include "base/clock.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <optional>

namespace millrace::values {

struct BreakerView {
    enum class State { closed, open, half_open };
    State state = State::closed;
    int attempts = 0, failures = 0;          // within the window
    std::chrono::milliseconds reopens_in{0}; // until it lets a probe through
    std::string_view name() const {
        return state == State::closed ? "closed" : state == State::open ? "open" : "half_open";
    }
};

class Breaker {
public:
    static constexpr int least_attempts = 10, probes_to_close = 3, buckets = 6;
    static constexpr std::chrono::seconds window{60}, first_open{10}, longest_open{600};

    // Any thread: how long new work is refused; nullopt while it is taken.
    std::optional<std::chrono::milliseconds> refuses(Monotonic now) const;
    bool is_closed() const { return open_until_.load(std::memory_order_relaxed) == 0; } // any thread
    // May a job begin now? In half-open, one at a time.
    bool allows(Monotonic now) const;
    void began(Monotonic now); // one that allows() let through
    void gave_up();            // it began and ended without telling anything: cancelled, fenced off
    // Whether the state changed.
    bool record(bool success, Monotonic now);
    std::optional<Monotonic> next_probe() const; // while open
    void reset();                                // closed, nothing remembered
    BreakerView view(Monotonic now) const;

private:
    struct Bucket {
        std::int64_t index = -1;
        int attempts = 0, failures = 0;
    };
    BreakerView::State state(Monotonic now) const;
    Bucket total(Monotonic now) const;
    void open(Monotonic now);

    std::array<Bucket, buckets> window_;
    std::atomic<std::int64_t> open_until_{0}; // nanoseconds of the monotonic clock; 0: closed
    std::chrono::seconds open_for_{first_open};
    int probes_running_ = 0, probes_succeeded_ = 0;
};

} // namespace millrace::values
