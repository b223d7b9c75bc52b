// A number of seats that coroutines take, and wait for in the order of their coming. All on one thread.
#pragma once
#include "async/awaitable.hpp"
#include "base/clock.hpp"

#include <cstddef>
#include <list>
#include <optional>

namespace millrace::processors {

class Seats {
public:
    explicit Seats(std::size_t count) : free_{count} {}
    Seats(const Seats&) = delete;
    Seats& operator=(const Seats&) = delete;

    // Gives the seat back at its end, to the first who waits. The seats outlive it.
    class Seat {
    public:
        explicit Seat(Seats& seats) : seats_{&seats} {}
        Seat(Seat&& other) noexcept : seats_{std::exchange(other.seats_, nullptr)} {}
        Seat& operator=(Seat&&) = delete;
        ~Seat() {
            if (seats_) seats_->give_back();
        }

    private:
        Seats* seats_;
    };

    // nullopt: none was free before the deadline, or the coroutine was cancelled meanwhile.
    awaitable<std::optional<Seat>> take(Monotonic deadline);
    std::size_t free() const { return free_; }

private:
    struct Waiter;
    void give_back();

    std::size_t free_;
    std::list<Waiter*> waiting_; // each lives in its coroutine
};

} // namespace millrace::processors
