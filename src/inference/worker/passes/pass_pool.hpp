// Threads that share the machine's places: forward passes, and with a pool of their own the decoding of inputs. A pass
// that computes with w threads takes w places, so that not more threads compute than there are cores, whether one wide
// pass runs or many narrow ones. First come, first served, with two rules that keep models apart:
//
// - A model holds all places at most. What it adds beyond that waits for its own passes, and others go before it.
// - A pass that has run for `patience` lends its places to other models: it still runs, and so do theirs, beside it. So
// a
//   pass that hangs, or takes seconds, delays its own model alone, as long as passes of fewer than 16 models hang.
//
// Whatever takes a time that depends on somebody's input runs here, never on a thread that others wait for.
#pragma once
#include "async/guarded.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace millrace::inference::worker {

class PassPool {
public:
    using Model = std::uint32_t;
    // Called first on each thread, and again whenever the width of its passes changes.
    using SetThreads = std::function<void(int threads)>;
    using Pass = std::function<void()>; // must not throw

    PassPool(std::string name, int places, std::chrono::milliseconds patience, SetThreads set_threads);
    ~PassPool(); // after the passes that were added

    // Any thread; returns at once. A pass that finds nothing running and nothing waiting takes `alone` places, where
    // that is more.
    void add(Model model, int threads, Pass pass, int alone = 1);
    // Runs a pass of one thread on the calling thread, where nothing runs and nothing waits: a change of threads takes
    // longer than a small pass. False: nothing was done. So one thread at most is kept here: of two that read the same
    // channel, one goes on reading.
    bool run_here(Model model, const Pass& pass);

private:
    using Steady = std::chrono::steady_clock;
    struct Waiting {
        Model model = 0;
        int threads = 1;
        Pass pass;
    };
    struct Worker {
        std::thread thread;
        std::condition_variable_any wake;
        Waiting work; // while busy
        Steady::time_point began;
        int width = 0; // of its last pass
        bool busy = false, lends = false;
        bool is_guest = false; // run_here(): the thread is the caller's. One at most, for it begins when nothing runs
    };
    struct State {
        std::deque<Waiting> line;
        std::vector<std::unique_ptr<Worker>> workers; // one from the start, others when they are needed
        int free = 0;                                 // places that are not held, or lent
        bool ending = false, watched = false;
    };
    static bool is_idle(const State& state);
    void begin_what_may(State& state);
    bool begin(State& state, Waiting& next);
    void lend_old_places(State& state) const;
    int held_by(const State& state, Model model) const;
    Worker* idle_worker(State& state, int threads);
    Worker& make_worker(State& state);
    void end(State& state, Worker& worker);
    void work(Worker& self);
    void watch();

    const std::string name_;
    const int places_;
    const std::chrono::milliseconds patience_;
    const SetThreads set_threads_;
    async::Guarded<State> state_;
    std::condition_variable_any blocked_; // something waits for a place
    std::thread watch_;                   // lends places in time
};

} // namespace millrace::inference::worker
