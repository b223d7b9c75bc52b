// A clock that stands still until the test moves it. Thread-safe.
#pragma once
#include "base/clock.hpp"

#include <atomic>

namespace millrace::jobs::test {

class FakeClock final : public Clock {
public:
    Timestamp now() const override { return {wall_.load()}; }
    Monotonic monotonic() const override { return Monotonic{std::chrono::microseconds{monotonic_.load()}}; }

    // Time goes by.
    void pass(std::chrono::microseconds time) {
        wall_ += time.count();
        monotonic_ += time.count();
    }
    // Somebody sets the clock.
    void set(Timestamp now) { wall_ = now.micros; }

private:
    std::atomic<std::int64_t> wall_{Timestamp::parse("2026-05-04T10:20:00Z")->micros},
        monotonic_{1'000'000}; // a Monday
};

} // namespace millrace::jobs::test
