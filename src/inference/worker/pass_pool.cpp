#include "inference/worker/pass_pool.hpp"

#include "async/io_pool.hpp"

#include <algorithm>

namespace millrace::inference::worker {

PassPool::PassPool(int places, SetThreads set_threads) : places_{std::max(1, places)}, set_threads_{std::move(set_threads)} {
    state_.lock()->free = places_;
    for (int i = 0; i < places_; ++i) threads_.emplace_back([this, i] { work(i); });
}

PassPool::~PassPool() {
    state_.lock()->ending = true;
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void PassPool::add(int threads, Pass pass) {
    state_.lock()->line.push_back({std::clamp(threads, 1, places_), std::move(pass)});
    if (threads == 1) changed_.notify_one();
    else changed_.notify_all(); // only some of the threads may take it
}

// Wide passes belong to the first threads: the compute library keeps a team of helpers for each thread that ran one.
bool PassPool::may_take(const State& state, int index) const {
    return !state.line.empty() && state.line.front().threads <= state.free &&
           index < std::max(1, places_ / state.line.front().threads);
}

void PassPool::work(int index) {
    async::name_this_thread("infer");
    int width = 0;
    for (;;) {
        Waiting next;
        {
            auto state = state_.lock();
            changed_.wait(state.mutex(), [&] { return may_take(*state, index) || (state->ending && state->line.empty()); });
            if (!may_take(*state, index)) return;
            next = std::move(state->line.front());
            state->line.pop_front();
            state->free -= next.threads;
        }
        if (width != next.threads) set_threads_(width = next.threads);
        next.pass();
        next.pass = nullptr; // before the places are free: what it held is given back
        state_.lock()->free += next.threads;
        changed_.notify_all();
    }
}

} // namespace millrace::inference::worker
