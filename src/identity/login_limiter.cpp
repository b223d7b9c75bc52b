#include "identity/login_limiter.hpp"

namespace millrace::identity {
namespace {

const std::string everyone_else = "*";

void drop_old(std::deque<Monotonic>& times, Monotonic now) {
    while (!times.empty() && now - times.front() >= LoginLimiter::window) times.pop_front();
}

} // namespace

std::chrono::seconds LoginLimiter::wait(const std::string& address, Monotonic now) {
    auto failures = failures_.lock();
    auto at = failures->find(address);
    if (at == failures->end() && failures->size() >= max_addresses) at = failures->find(everyone_else);
    if (at == failures->end()) return std::chrono::seconds{0};
    drop_old(at->second, now);
    if (at->second.size() < max_failures) return std::chrono::seconds{0};
    return std::chrono::ceil<std::chrono::seconds>(at->second.front() + window - now);
}

void LoginLimiter::failed(const std::string& address, Monotonic now) {
    auto failures = failures_.lock();
    if (failures->size() >= max_addresses) forget_old(*failures, now);
    const bool full = failures->size() >= max_addresses && !failures->contains(address);
    auto& times = (*failures)[full ? everyone_else : address];
    drop_old(times, now);
    if (times.size() < max_failures) times.push_back(now);
}

void LoginLimiter::forget_old(Failures& failures, Monotonic now) {
    // A list whose last failure is old is old as a whole.
    std::erase_if(failures, [now](const auto& entry) { return entry.second.empty() || now - entry.second.back() >= window; });
}

} // namespace millrace::identity
