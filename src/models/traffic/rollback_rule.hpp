// Does a candidate do so much worse than production that it must not go on? Pure.
#pragma once
#include "models/counts.hpp"
#include "models/traffic.hpp"

#include <optional>
#include <string>

namespace millrace::models {

// Why the candidate is taken back, for people; nullopt: it goes on. Nothing is decided before it has min_samples
// predictions; after that both rules are looked at with each prediction.
//   Errors: the candidate's rate is above production's by more than max_error_rate_increase, and by more than chance
//   explains with so many predictions (four standard deviations of the difference of two shares). Slowness: the
//   candidate's 95th percentile is above production's times max_latency_ratio, and more than a millisecond above it
//   (below that a ratio is noise). Clearly more than one in twenty of its predictions is above that limit (two standard
//   deviations). The time is the model's own: both versions wait in the same queue. The candidate has timed at least
//   half of min_samples.
// Both rules need ten predictions of production, or half of min_samples if that is less, because a candidate with most
// of the traffic leaves production few. With fewer, production's error rate counts as zero, and times are not compared.
std::optional<std::string> reason_to_roll_back(const RollbackPolicy& policy, const Counts& production,
                                               const Counts& candidate);

} // namespace millrace::models
