#include "identity/login_limiter.hpp"

namespace millrace::identity {
namespace {

const std::string everyone_else = "*";

void drop_old(std::deque<Monotonic>& times, Monotonic now) {
    while (!times.empty() && now - times.front() >= LoginLimiter::window) times.pop_front();
}

} // namespace

std::chrono::seconds LoginLimiter::wait(const std::string& name, Monotonic now) {
    auto all = times_.lock();
    auto at = all->find(name);
    if (at == all->end() && all->size() >= max_names) at = all->find(everyone_else);
    if (at == all->end()) return std::chrono::seconds{0};
    drop_old(at->second, now);
    if (at->second.size() < most_) return std::chrono::seconds{0};
    return std::chrono::ceil<std::chrono::seconds>(at->second.front() + window - now);
}

void LoginLimiter::count(const std::string& name, Monotonic now) {
    auto all = times_.lock();
    if (all->size() >= max_names) forget_old(*all, now);
    const bool full = all->size() >= max_names && !all->contains(name);
    auto& times = (*all)[full ? everyone_else : name];
    drop_old(times, now);
    if (times.size() < most_) times.push_back(now);
}

void LoginLimiter::forget_old(Times& times, Monotonic now) {
    // A list whose last time is old is old as a whole.
    std::erase_if(times,
                  [now](const auto& entry) { return entry.second.empty() || now - entry.second.back() >= window; });
}

} // namespace millrace::identity
