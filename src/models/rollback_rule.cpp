#include "models/rollback_rule.hpp"

#include <fmt/format.h>

namespace millrace::models {
namespace {

constexpr double noise_ms = 1;

} // namespace

std::optional<std::string> reason_to_roll_back(const RollbackPolicy& policy, const Counts& production, const Counts& candidate) {
    if (candidate.predictions < policy.min_samples) return std::nullopt;
    const double allowed = production.error_rate() + policy.max_error_rate_increase;
    if (candidate.error_rate() > allowed)
        return fmt::format("{} of {} predictions of the candidate failed ({:.1f}%), of production's {} of {} ({:.1f}%); {:.1f}% more are allowed",
                           candidate.errors, candidate.predictions, candidate.error_rate() * 100, production.errors, production.predictions,
                           production.error_rate() * 100, policy.max_error_rate_increase * 100);
    if (candidate.own.count() < policy.min_samples || production.own.count() < policy.min_samples) return std::nullopt;
    const double theirs = candidate.own.percentile_ms(95), ours = production.own.percentile_ms(95);
    if (theirs > ours * policy.max_latency_ratio && theirs > ours + noise_ms)
        return fmt::format("the candidate takes {:.1f} ms at the 95th percentile, production {:.1f} ms; {:.1f} times as long is allowed", theirs, ours,
                           policy.max_latency_ratio);
    return std::nullopt;
}

} // namespace millrace::models
