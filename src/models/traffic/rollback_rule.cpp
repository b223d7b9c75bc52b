#include "models/traffic/rollback_rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace millrace::models {
namespace {

constexpr double noise_ms = 1;
constexpr double error_deviations = 4, slow_deviations = 2;
constexpr double slow_share = 0.05; // of the predictions, above the 95th percentile
constexpr std::uint64_t enough_of_production = 10;

// How far two shares of so many lie apart by chance, where both are `rate` in truth.
double deviation(double rate, std::uint64_t of_one, std::uint64_t of_other) {
    if (of_one == 0 || of_other == 0) return 0;
    return std::sqrt(rate * (1 - rate) * (1.0 / static_cast<double>(of_one) + 1.0 / static_cast<double>(of_other)));
}

std::uint64_t enough(const RollbackPolicy& policy) {
    return std::min(enough_of_production, (policy.min_samples + 1) / 2);
}

std::optional<std::string> fails_too_often(const RollbackPolicy& policy, const Counts& production,
                                           const Counts& candidate) {
    // Production's rate is taken as zero while it has answered too few to have one: it answered each input that the
    // candidate failed.
    const double usual = production.predictions < enough(policy) ? 0 : production.error_rate();
    const double chance = error_deviations * deviation(usual, candidate.predictions, production.predictions);
    const double increase = std::max(policy.max_error_rate_increase, chance);
    if (candidate.error_rate() <= usual + increase) return std::nullopt;
    return fmt::format("{} of {} predictions of the candidate failed ({:.1f}%), of production's {} of {} ({:.1f}%); "
                       "{:.1f}% more are allowed",
                       candidate.errors, candidate.predictions, candidate.error_rate() * 100, production.errors,
                       production.predictions, production.error_rate() * 100, increase * 100);
}

std::optional<std::string> is_too_slow(const RollbackPolicy& policy, const Counts& production,
                                       const Counts& candidate) {
    if (production.own.count() < enough(policy) || 2 * candidate.own.count() < policy.min_samples) return std::nullopt;
    const double theirs = candidate.own.percentile_ms(95), ours = production.own.percentile_ms(95);
    const double limit = std::max(ours * policy.max_latency_ratio, ours + noise_ms);
    if (theirs <= limit) return std::nullopt;
    const auto all = static_cast<double>(candidate.own.count());
    const double by_chance = slow_share * all + slow_deviations * std::sqrt(all * slow_share * (1 - slow_share));
    if (candidate.own.count_above(limit) <= by_chance) return std::nullopt;
    return fmt::format(
        "the candidate takes {:.1f} ms at the 95th percentile, production {:.1f} ms; {:.1f} times as long is allowed",
        theirs, ours, policy.max_latency_ratio);
}

} // namespace

std::optional<std::string> reason_to_roll_back(const RollbackPolicy& policy, const Counts& production,
                                               const Counts& candidate) {
    if (candidate.predictions < policy.min_samples) return std::nullopt;
    if (auto reason = fails_too_often(policy, production, candidate)) return reason;
    return is_too_slow(policy, production, candidate);
}

} // namespace millrace::models
