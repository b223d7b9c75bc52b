// The batches of one worker share its memory. One that finds none shrinks, and while it does no other begins: side by
// side they would take the memory from each other, and an item that fits would be said to be too large. All waits are
// short, for a batch that shrinks may hang. Thread-safe.
#pragma once
#include "async/guarded.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <optional>

namespace millrace::inference::worker {

class Neighbours {
public:
    // Held by the batch that shrinks, until its end.
    class Shrinking {
    public:
        explicit Shrinking(Neighbours& neighbours) : neighbours_{neighbours} {}
        Shrinking(const Shrinking&) = delete;
        Shrinking& operator=(const Shrinking&) = delete;
        ~Shrinking();
        void begin(); // waits for another; once is enough

    private:
        Neighbours& neighbours_;
        bool begun_ = false;
    };

    // Before a batch's first pass.
    void give_way();
    // Until another batch is over, for a while; false: no other is under way. For what has found no memory.
    bool wait_for_one();
    // A batch comes; true: no other is under way. And it is over.
    bool comes() { return under_way_.fetch_add(1) == 0; }
    void is_over();

private:
    using Steady = std::chrono::steady_clock;
    struct State {
        std::optional<Steady::time_point> shrinking_since;
    };

    async::Guarded<State> state_;
    std::condition_variable changed_;
    std::atomic<int> under_way_{0};
    std::atomic<bool> shrinking_{false}; // so that giving way costs nothing
};

} // namespace millrace::inference::worker
