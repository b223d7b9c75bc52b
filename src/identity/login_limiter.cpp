#include "identity/login_limiter.hpp"

namespace millrace::identity {
namespace {

void drop_old(std::deque<Monotonic>& times, Monotonic now) {
    while (!times.empty() && now - times.front() >= LoginLimiter::window) times.pop_front();
}

} // namespace

std::chrono::seconds LoginLimiter::wait(const std::string& name, Monotonic now) {
    auto names = names_.lock();
    const auto at = names->find.find(name);
    if (at == names->find.end()) return std::chrono::seconds{0};
    auto& times = at->second->times;
    drop_old(times, now);
    if (times.size() < most_) return std::chrono::seconds{0};
    return std::chrono::ceil<std::chrono::seconds>(times.front() + window - now);
}

void LoginLimiter::count(const std::string& name, Monotonic now) {
    auto names = names_.lock();
    auto& entries = names->by_last_count;
    // Refused tries are not counted, so that an entry's times may be older than its place: those go when they are met.
    while (!entries.empty() && (entries.front().times.empty() || now - entries.front().times.back() >= window))
        forget_first(*names);
    if (const auto at = names->find.find(name); at != names->find.end()) {
        entries.splice(entries.end(), entries, at->second);
    } else {
        if (entries.size() >= max_names) forget_first(*names);
        entries.push_back({name, {}});
        names->find.emplace(name, std::prev(entries.end()));
    }
    auto& times = entries.back().times;
    drop_old(times, now);
    if (times.size() < most_) times.push_back(now);
}

void LoginLimiter::forget_first(Names& names) {
    names.find.erase(names.by_last_count.front().name);
    names.by_last_count.pop_front();
}

} // namespace millrace::identity
