// Places where a fault test ends the process as a power cut would. MILLRACE_CRASH_AT=NAME:HIT in the environment
// kills the process (SIGKILL) the HIT-th time that NAME is reached; unset, a crash point costs one relaxed load.
#pragma once
#include <atomic>

namespace millrace {

namespace detail {
extern std::atomic<bool> crash_armed;
void reach_crash_point(const char* name);
} // namespace detail

inline void crash_point(const char* name) {
    if (detail::crash_armed.load(std::memory_order_relaxed)) [[unlikely]]
        detail::reach_crash_point(name);
}

} // namespace millrace
