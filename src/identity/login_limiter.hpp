// Slows down guessing: counts failed sign-ins by address over the last minute.
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
    static constexpr std::size_t max_failures = 20;
    static constexpr std::chrono::seconds window{60};
    // Addresses remembered at once; past it, an address not seen yet is counted with all others of its kind.
    static constexpr std::size_t max_addresses = 10'000;

    // How long the address must wait; zero when it may try.
    std::chrono::seconds wait(const std::string& address, Monotonic now);
    void failed(const std::string& address, Monotonic now);

private:
    using Failures = std::unordered_map<std::string, std::deque<Monotonic>>;
    static void forget_old(Failures& failures, Monotonic now);

    async::Guarded<Failures> failures_;
};

} // namespace millrace::identity
