#include "jobs/dispatch/limits.hpp"

namespace millrace::jobs {

void Limits::set(const Limit& limit) {
    const auto [at, is_new] = of_job_.try_emplace(limit.id, limit.at);
    if (!is_new && std::exchange(at->second, limit.at) == limit.at) return; // it stands there already
    heap_.push(limit);
}

void Limits::forget(const JobId& id) {
    if (of_job_.empty() || of_job_.erase(id) == 0) return;
    constexpr std::size_t few = 1024;
    if (heap_.size() > 2 * of_job_.size() + few) heap_.erase_if([this](const Limit& limit) { return !holds(limit); });
}

bool Limits::holds(const Limit& limit) const {
    const auto at = of_job_.find(limit.id);
    return at != of_job_.end() && at->second == limit.at;
}

void Limits::drop_forgotten() {
    while (!heap_.empty() && !holds(heap_.top())) heap_.pop();
}

std::optional<Timestamp> Limits::next() {
    drop_forgotten();
    return heap_.empty() ? std::nullopt : std::optional{heap_.top().at};
}

std::vector<Limit> Limits::take_due(Timestamp now, std::size_t most) {
    std::vector<Limit> due;
    while (due.size() < most) {
        const auto at = next();
        if (!at || *at > now) break;
        due.push_back(heap_.top());
        heap_.pop();
        of_job_.erase(due.back().id);
    }
    return due;
}

} // namespace millrace::jobs
