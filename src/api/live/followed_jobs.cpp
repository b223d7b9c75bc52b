#include "api/live/followed_jobs.hpp"

namespace millrace::api {

using values::is_final;

void FollowedJobs::set(const JobId& job, values::JobState state) {
    const auto [at, is_new] = states_.try_emplace(job, state);
    if (!is_new && !is_final(at->second)) --under_way_;
    at->second = state;
    if (!is_final(state)) ++under_way_;
}

bool FollowedJobs::takes(const events::LiveEntry& entry) {
    if (entry.kind != events::LiveEntry::Kind::state) return true;
    const auto at = states_.find(*entry.job);
    if (at == states_.end()) return false;
    // An ended job moves again when it is retried by hand, and that change names its end.
    if (at->second == *entry.to || (is_final(at->second) && entry.from != at->second)) return false;
    set(at->first, *entry.to);
    return true;
}

} // namespace millrace::api
