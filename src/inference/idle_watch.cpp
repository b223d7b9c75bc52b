#include "inference/idle_watch.hpp"

#include <time.h>

namespace millrace::inference {

bool IdleWatch::is_guilty(bool idle, Monotonic at, std::chrono::nanoseconds used) {
    if (!idle || !begin_ || used < begin_->used) {
        begin_ = idle ? std::optional{Begin{at, used}} : std::nullopt;
        return false;
    }
    const auto passed = at - begin_->at;
    if (passed < window_) return false;
    const bool guilty = used - begin_->used > passed / 10;
    begin_ = Begin{at, used};
    return guilty;
}

std::chrono::nanoseconds processor_time(int pid) {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return {};
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

} // namespace millrace::inference
