// A named pool for blocking work, with a bounded queue. Coroutines leave their io thread through run():
//   Result<Blob> blob = co_await files_.run([path] { return read_blob(path); });
#pragma once
#include "async/awaitable.hpp"
#include "async/guarded.hpp"
#include "base/result.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace millrace::async {

class ThreadPool {
public:
    ThreadPool(std::string name, std::size_t threads, std::size_t capacity);
    ~ThreadPool(); // runs what is queued, then joins
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    // False when the queue is full or the pool is closing. `task` must not throw.
    bool post(std::function<void()> task);

    // Runs `work` (returns Result<T>, may throw) on a pool thread; unavailable when the queue is full.
    // The coroutine resumes on its own executor.
    template <class Work, class R = std::invoke_result_t<Work>>
    awaitable<R> run(Work work) {
        auto start = [this, work = std::move(work)](std::function<void(R)> done) mutable {
            auto shared = std::make_shared<Work>(std::move(work)); // std::function must copy
            const bool accepted = post([shared, done] { done(guarded_call<R>(*shared)); });
            if (!accepted) done(R{Error{Code::unavailable, "the " + name_ + " pool is full; try again"}});
        };
        co_return co_await completion<R>(std::move(start));
    }

    void close(); // as the destructor

private:
    template <class R, class Work>
    static R guarded_call(Work& work) {
        try {
            return work();
        } catch (const std::exception& e) { return Error{Code::internal, e.what()}; }
    }
    void serve();

    struct State {
        std::deque<std::function<void()>> queue;
        bool closing = false;
    };
    std::string name_;
    std::size_t capacity_;
    Guarded<State> state_;
    std::condition_variable_any wake_;
    std::vector<std::thread> threads_;
};

} // namespace millrace::async
