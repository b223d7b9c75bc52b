// The threads that run forward passes. A pass that computes with w threads takes w of the machine's places, so that never
// more threads compute than there are cores, whether one wide pass runs or many narrow ones. First come, first served.
#pragma once
#include "async/guarded.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

namespace millrace::inference::worker {

class PassPool {
public:
    // Called first on each thread, and again whenever the width of its passes changes.
    using SetThreads = std::function<void(int threads)>;
    using Pass = std::function<void()>;

    PassPool(int places, SetThreads set_threads);
    ~PassPool(); // after the passes that were added

    void add(int threads, Pass pass); // any thread; returns at once

private:
    struct Waiting {
        int threads = 1;
        Pass pass;
    };
    struct State {
        std::deque<Waiting> line;
        int free = 0;
        bool ending = false;
    };
    bool may_take(const State& state, int index) const;
    void work(int index);

    const int places_;
    const SetThreads set_threads_;
    async::Guarded<State> state_;
    std::condition_variable_any changed_;
    std::vector<std::thread> threads_;
};

} // namespace millrace::inference::worker
