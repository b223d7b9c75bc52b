// Events per second over the last ten full seconds. Owned by one thread.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>

namespace millrace::jobs {

class RateMeter {
public:
    using Time = std::chrono::steady_clock::time_point;

    void add(Time now, std::uint64_t n = 1) {
        turn(now);
        buckets_[second_ % buckets_.size()] += n;
    }
    double per_second(Time now) {
        turn(now);
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            if (i != second_ % buckets_.size()) sum += buckets_[i]; // not the second that is still running
        return static_cast<double>(sum) / static_cast<double>(buckets_.size() - 1);
    }

private:
    void turn(Time now) {
        const auto second = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
        if (second - second_ >= buckets_.size()) buckets_.fill(0);
        else
            for (auto s = second_ + 1; s <= second; ++s) buckets_[s % buckets_.size()] = 0;
        second_ = second;
    }
    std::array<std::uint64_t, 11> buckets_{};
    std::uint64_t second_ = 0;
};

} // namespace millrace::jobs
