// A worker that has nothing to do uses no processor. One that does runs what a model has left behind: a task that it began
// and never waited for, which no time limit of a batch ends. Not thread-safe.
#pragma once
#include "base/clock.hpp"

#include <chrono>
#include <optional>

namespace millrace::inference {

class IdleWatch {
public:
    explicit IdleWatch(std::chrono::milliseconds window) : window_{window} {}

    // Asked again and again, with the processor time that the process has used in all. True when it had nothing to do for the
    // whole window and used more than a tenth of a processor in it: what spins on a busy machine gets little, who waits nothing.
    bool is_guilty(bool idle, Monotonic at, std::chrono::nanoseconds used);

private:
    struct Begin {
        Monotonic at;
        std::chrono::nanoseconds used{0};
    };
    std::chrono::milliseconds window_;
    std::optional<Begin> begin_;
};

// Of all threads of a process since its start; zero when there is no such process.
std::chrono::nanoseconds processor_time(int pid);

} // namespace millrace::inference
