// Does a candidate do so much worse than production that it must not go on? Pure.
#pragma once
#include "models/counts.hpp"
#include "models/traffic.hpp"

#include <optional>
#include <string>

namespace millrace::models {

// Why the candidate is taken back, for people; nullopt: it goes on. Nothing is decided before it has min_samples predictions;
// after that both rules are looked at with each prediction.
//   Errors: the candidate's rate is above production's by more than max_error_rate_increase, and by more than chance makes of
//   production's rate with so many predictions (four standard deviations of the difference of two shares). Of fewer than ten predictions of production no rate is taken.
//   Slowness: its 95th percentile is above production's times max_latency_ratio and by more than a millisecond (below that a ratio
//   is noise), and clearly more than one in twenty of its predictions is above that limit (two standard deviations). The time is
//   the model's own, for both wait in the same line. Ten predictions of production are enough for this, or half of min_samples
//   where that is less: a candidate with most of the traffic leaves it few.
std::optional<std::string> reason_to_roll_back(const RollbackPolicy& policy, const Counts& production, const Counts& candidate);

} // namespace millrace::models
