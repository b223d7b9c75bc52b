// Shows the shadow version what production has answered: a copy of the input, at the lowest priority, with nobody
// waiting. So many at a time and so many bytes; what comes beyond is left out. Thread-safe.
#pragma once
#include "base/clock.hpp"
#include "inference/prediction.hpp"
#include "models/serving/runner.hpp"
#include "models/version_stats.hpp"
#include "telemetry/metrics.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace millrace::models {

class Shadowing {
public:
    static constexpr int most_in_flight = 64;
    static constexpr std::int64_t most_bytes = 64 << 20;

    Shadowing(Runner& runner, VersionStats& stats, const Clock& clock, telemetry::Metrics& metrics); // borrowed

    bool has_room(const inference::Input& input) const; // before the copy is made
    // `answered` is what production said.
    void show(const std::shared_ptr<const inference::ModelVersion>& shadow, inference::Input copy,
              const inference::Prediction& answered, bool raw);

private:
    Runner& runner_;
    VersionStats& stats_;
    const Clock& clock_;
    telemetry::Counter& left_out_;
    std::atomic<int> in_flight_{0};
    std::atomic<std::int64_t> bytes_{0};
};

} // namespace millrace::models
