// Requests that wait for a job's end (Prefer: wait). Thread-safe.
#pragma once
#include "async/awaitable.hpp"
#include "async/guarded.hpp"
#include "base/id.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <unordered_map>

namespace millrace::jobs {

class Waiters {
public:
    // A place in the waiting room, taken before the job is submitted so that its end cannot be missed; leaves when
    // destroyed. Used on one executor.
    class Seat {
    public:
        Seat(Waiters& room, JobId job, const asio::any_io_executor& executor);
        ~Seat();
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;
        // Returns when the job has ended, the time is over or the coroutine is cancelled: its client is gone.
        awaitable<void> wait(std::chrono::milliseconds at_most);

    private:
        friend class Waiters;
        struct State {
            asio::any_io_executor executor;
            asio::steady_timer timer;
            bool ended = false; // on the executor only
        };
        Waiters& room_;
        JobId job_;
        std::shared_ptr<State> state_; // shared with a notification under way
    };

    void ended(JobId job); // called after the commit that ended it; again does no harm
    bool any() const { return taken_ != 0; }

private:
    async::Guarded<std::unordered_multimap<JobId, std::shared_ptr<Seat::State>>> seats_;
    std::atomic<std::size_t> taken_{0}; // nobody waits most of the time: then no lock either
};

} // namespace millrace::jobs
