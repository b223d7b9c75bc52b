// What a model leaves behind in its worker: tasks that it began and never waited for. No time limit of a batch ends
// them. Both watches are asked once a beat, and convict on proof alone: a worker that works, waits or is kept from the
// processor is left alone, however the moments fall at which it is looked at. Not thread-safe.
#pragma once
#include "base/clock.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace millrace::inference {

// What the daemon has given a worker and not got back. Batches have rising numbers.
struct Work {
    std::uint64_t oldest = 0,
                  next = 0;     // the first batch that is not answered; the next that will be sent. Equal: none is out
    bool moving_models = false; // it loads or unloads one

    bool none() const { return oldest == next && !moving_models; }
};

// Asks the pool on which models run their own tasks (TorchScript's fork). It runs them in turn, so an empty task is
// answered when all before it have ended. If those passes are over that ran when it was asked, and no model is being
// loaded, and still it is not answered for the whole window, a task is there that nobody waits for. Later passes stand
// behind the question.
class TaskWatch {
public:
    enum class Verdict { innocent, ask, guilty };

    explicit TaskWatch(int window) : window_{window} {} // in beats

    // `activity`: a number that changes with all that the worker is given or gives; while it does not, nothing is
    // asked. `heard`: it has answered something since the last beat. A worker that says nothing is the heartbeat's
    // business.
    Verdict beat(const Work& work, std::uint64_t activity, bool heard);
    void answered() { asked_before_.reset(); }

private:
    int window_;
    std::optional<std::uint64_t>
        asked_before_;              // the number of the batch that was sent next; no question is out: nullopt
    std::uint64_t asked_about_ = 0; // activity
    int beats_ = 0;
};

// A thread that a model's machine code began answers no questions. It is known by the processor time that its process
// uses in a window in which the worker was given nothing, had nothing and gave nothing: every event counts, not the
// looks.
class QuietWatch {
public:
    explicit QuietWatch(std::chrono::milliseconds window) : window_{window} {}

    // `used`: by all threads since the start. Guilty: more than a tenth of a processor in the whole window; what spins
    // on a busy machine gets little, who waits nothing.
    bool is_guilty(const Work& work, std::uint64_t activity, Monotonic at, std::chrono::nanoseconds used);

private:
    struct Begin {
        std::uint64_t activity;
        Monotonic at;
        std::chrono::nanoseconds used{0};
    };
    std::chrono::milliseconds window_;
    std::optional<Begin> begin_;
};

// Of all threads of a process since its start; zero when there is no such process.
std::chrono::nanoseconds processor_time(int pid);

} // namespace millrace::inference
