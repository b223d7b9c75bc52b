// Slows down guessing: counts what may be done so often a minute by a name, which is an address, or a key's id and an
// address.
#pragma once
#include "async/guarded.hpp"
#include "base/clock.hpp"

#include <chrono>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>

namespace millrace::identity {

// Thread-safe.
class LoginLimiter {
public:
    static constexpr std::chrono::seconds window{60};
    // Names remembered at once. Past it, the one that was counted longest ago is forgotten: whoever comes from many
    // addresses may guess a little more, and nobody else is locked out.
    static constexpr std::size_t max_names = 10'000;

    explicit LoginLimiter(std::size_t most) : most_{most} {}

    // How long the name must wait; zero when it may try.
    std::chrono::seconds wait(const std::string& name, Monotonic now);
    void count(const std::string& name, Monotonic now);

private:
    struct Entry {
        std::string name;
        std::deque<Monotonic> times;
    };
    using Entries = std::list<Entry>;
    struct Names {
        Entries by_last_count; // the latest at the end
        std::unordered_map<std::string, Entries::iterator> find;
    };
    static void forget_first(Names& names);

    const std::size_t most_; // in a window
    async::Guarded<Names> names_;
};

} // namespace millrace::identity
