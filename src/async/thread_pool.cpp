#include "async/thread_pool.hpp"

#include "async/io_pool.hpp"

namespace millrace::async {

ThreadPool::ThreadPool(std::string name, std::size_t threads, std::size_t capacity)
    : name_{std::move(name)},
      capacity_{capacity} {
    for (std::size_t i = 0; i < threads; ++i)
        threads_.emplace_back([this, i] {
            name_this_thread(name_ + "-" + std::to_string(i));
            serve();
        });
}

ThreadPool::~ThreadPool() { close(); }

bool ThreadPool::post(std::function<void()> task) {
    {
        auto state = state_.lock();
        if (state->closing || state->queue.size() >= capacity_) return false;
        state->queue.push_back(std::move(task));
    }
    wake_.notify_one();
    return true;
}

void ThreadPool::serve() {
    for (;;) {
        std::function<void()> task;
        {
            auto state = state_.lock();
            wake_.wait(state.mutex(), [&] { return state->closing || !state->queue.empty(); });
            if (state->queue.empty()) return;
            task = std::move(state->queue.front());
            state->queue.pop_front();
        }
        task();
    }
}

void ThreadPool::close() {
    state_.lock()->closing = true;
    wake_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

} // namespace millrace::async
