// How much one task of the writer does before it lets others go first. What deletes, moves or adds up many rows asks it
// before each, and leaves the rest to another task: nobody waits behind it for long, whatever the rows hold. Of one
// task.
#pragma once
#include <chrono>

namespace millrace::store {

class Turn {
public:
    static constexpr int most = 500;                        // rows or jobs, of a few rows each
    static constexpr std::chrono::milliseconds longest{20}; // for rows that are large

    // Whether there is time for one more; the first is always done.
    bool takes_another() {
        if (taken_ >= most || (taken_ > 0 && std::chrono::steady_clock::now() >= until_)) return false;
        ++taken_;
        return true;
    }

private:
    int taken_ = 0;
    std::chrono::steady_clock::time_point until_ = std::chrono::steady_clock::now() + longest;
};

} // namespace millrace::store
