#include "values/breaker.hpp"

#include <algorithm>

namespace millrace::values {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

std::int64_t ticks(Monotonic at) { return duration_cast<nanoseconds>(at.time_since_epoch()).count(); }
std::int64_t bucket_index(Monotonic at) { return at.time_since_epoch() / (Breaker::window / Breaker::buckets); }

} // namespace

BreakerView::State Breaker::state(Monotonic now) const {
    const auto until = open_until_.load(std::memory_order_relaxed);
    if (until == 0) return BreakerView::State::closed;
    return ticks(now) < until ? BreakerView::State::open : BreakerView::State::half_open;
}

std::optional<milliseconds> Breaker::refuses(Monotonic now) const {
    const auto left = open_until_.load(std::memory_order_relaxed) - ticks(now);
    if (left <= 0) return std::nullopt;
    return std::max(milliseconds{1}, duration_cast<milliseconds>(nanoseconds{left}));
}

bool Breaker::allows(Monotonic now) const {
    switch (state(now)) {
    case BreakerView::State::closed: return true;
    case BreakerView::State::open: return false;
    case BreakerView::State::half_open: return probes_running_ == 0;
    }
    return true;
}

void Breaker::began(Monotonic now) {
    if (state(now) == BreakerView::State::half_open) ++probes_running_;
}

void Breaker::gave_up() { probes_running_ = std::max(0, probes_running_ - 1); }

bool Breaker::record(bool success, Monotonic now) {
    if (state(now) == BreakerView::State::closed) {
        auto& bucket = window_[static_cast<std::size_t>(bucket_index(now) % buckets)];
        if (bucket.index != bucket_index(now)) bucket = {bucket_index(now), 0, 0};
        ++bucket.attempts;
        if (success) return false;
        ++bucket.failures;
        const auto all = total(now);
        if (all.attempts < least_attempts || 2 * all.failures <= all.attempts) return false;
        open(now);
        return true;
    }
    if (probes_running_ == 0) return false; // it began before the breaker opened
    --probes_running_;
    if (!success) {
        open_for_ = std::min(2 * open_for_, std::chrono::seconds{longest_open});
        open(now);
        return true;
    }
    if (++probes_succeeded_ < probes_to_close) return false;
    reset();
    return true;
}

void Breaker::open(Monotonic now) {
    probes_running_ = probes_succeeded_ = 0;
    open_until_.store(ticks(now + open_for_), std::memory_order_relaxed);
}

void Breaker::reset() {
    window_ = {};
    open_for_ = first_open;
    probes_running_ = probes_succeeded_ = 0;
    open_until_.store(0, std::memory_order_relaxed);
}

std::optional<Monotonic> Breaker::next_probe() const {
    const auto until = open_until_.load(std::memory_order_relaxed);
    if (until == 0) return std::nullopt;
    return Monotonic{nanoseconds{until}};
}

Breaker::Bucket Breaker::total(Monotonic now) const {
    Bucket all;
    for (const auto& bucket : window_)
        if (bucket.index > bucket_index(now) - buckets) {
            all.attempts += bucket.attempts;
            all.failures += bucket.failures;
        }
    return all;
}

BreakerView Breaker::view(Monotonic now) const {
    const auto all = total(now);
    return {state(now), all.attempts, all.failures, refuses(now).value_or(milliseconds{0})};
}

} // namespace millrace::values
