// Does a candidate do so much worse than production that it must not go on? Pure.
#pragma once
#include "models/counts.hpp"
#include "models/traffic.hpp"

#include <optional>
#include <string>

namespace millrace::models {

// Why the candidate is taken back, for people; nullopt: it goes on. Error rates are compared once the candidate has
// min_samples predictions, latencies once both have. Latency is the model's own time, for both wait in the same line, and
// must be more than a millisecond longer as well: below that a ratio is noise.
std::optional<std::string> reason_to_roll_back(const RollbackPolicy& policy, const Counts& production, const Counts& candidate);

} // namespace millrace::models
