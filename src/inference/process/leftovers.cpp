#include "inference/process/leftovers.hpp"

#include <time.h>

namespace millrace::inference {

TaskWatch::Verdict TaskWatch::beat(const Work& work, std::uint64_t activity, bool heard) {
    if (!asked_before_) {
        if (activity == asked_about_) return Verdict::innocent; // nothing has run since
        asked_about_ = activity;
        asked_before_ = work.next;
        beats_ = 0;
        return Verdict::ask;
    }
    if (work.oldest < *asked_before_ || work.moving_models) beats_ = 0; // what it waits for may be theirs
    else if (heard) ++beats_;
    return beats_ >= window_ ? Verdict::guilty : Verdict::innocent;
}

bool QuietWatch::is_guilty(const Work& work, std::uint64_t activity, Monotonic at, std::chrono::nanoseconds used) {
    if (!work.none() || !begin_ || activity != begin_->activity || used < begin_->used) {
        begin_ = work.none() ? std::optional{Begin{activity, at, used}} : std::nullopt;
        return false;
    }
    const auto passed = at - begin_->at;
    if (passed < window_) return false;
    const bool guilty = used - begin_->used > passed / 10;
    begin_ = Begin{activity, at, used};
    return guilty;
}

std::chrono::nanoseconds processor_time(int pid) {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return {};
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

} // namespace millrace::inference
