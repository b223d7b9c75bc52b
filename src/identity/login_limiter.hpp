// Slows down guessing: counts what may be done so often a minute by a name, which is an address, or a key's id and an
// address.
#pragma once
#include "async/guarded.hpp"
#include "base/clock.hpp"

#include <chrono>
#include <deque>
#include <string>
#include <unordered_map>

namespace millrace::identity {

// Thread-safe.
class LoginLimiter {
public:
    static constexpr std::chrono::seconds window{60};
    // Names remembered at once; past it, a name not seen yet is counted with all others of its kind.
    static constexpr std::size_t max_names = 10'000;

    explicit LoginLimiter(std::size_t most) : most_{most} {}

    // How long the name must wait; zero when it may try.
    std::chrono::seconds wait(const std::string& name, Monotonic now);
    void count(const std::string& name, Monotonic now);

private:
    using Times = std::unordered_map<std::string, std::deque<Monotonic>>;
    static void forget_old(Times& times, Monotonic now);

    const std::size_t most_; // in a window
    async::Guarded<Times> times_;
};

} // namespace millrace::identity
