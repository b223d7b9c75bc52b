#include "models/serving/shadowing.hpp"

#include "models/statistics/agreement.hpp"
#include "models/statistics/sampling.hpp"

namespace millrace::models {
namespace {

constexpr std::chrono::seconds patience{30};

} // namespace

Shadowing::Shadowing(Runner& runner, VersionStats& stats, const Clock& clock, telemetry::Metrics& metrics)
    : runner_{runner},
      stats_{stats},
      clock_{clock},
      left_out_{metrics.counter("millrace_model_shadow_left_out_total",
                                "Predictions that were not shown to a shadow version, for too many were")} {}

bool Shadowing::has_room(const inference::Input& input) const {
    const bool room = in_flight_.load(std::memory_order_relaxed) < most_in_flight &&
                      bytes_.load(std::memory_order_relaxed) + static_cast<std::int64_t>(input.size()) <= most_bytes;
    if (!room) left_out_.add();
    return room;
}

void Shadowing::show(const std::shared_ptr<const inference::ModelVersion>& shadow, inference::Input copy,
                     const inference::Prediction& answered, bool raw) {
    const auto size = static_cast<std::int64_t>(copy.size());
    const auto began = clock_.monotonic();
    inference::Request request;
    request.model = shadow;
    request.input = std::move(copy);
    request.priority = values::lowest_priority;
    request.deadline = began + patience;
    request.raw = raw;
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(size, std::memory_order_relaxed);
    runner_.start(std::move(request),
                  [this, shadow, said = remember(answered), size, began](inference::Outcome outcome) {
                      in_flight_.fetch_sub(1, std::memory_order_relaxed);
                      bytes_.fetch_sub(size, std::memory_order_relaxed);
                      if (outcome) stats_.record(*shadow, sample_of(*outcome, clock_.monotonic() - began));
                      else if (is_fault_of_model(outcome.error())) stats_.record(*shadow, Sample{.error = true});
                      if (!outcome || !said) return;
                      if (const auto same = agree(*said, *outcome)) stats_.record_comparison(*shadow, *same);
                  });
}

} // namespace millrace::models
