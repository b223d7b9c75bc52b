// Writes what workers' sandboxes refuse into the log: a few lines a minute for each call of each model, for a hostile
// one may try without end. On the engine's thread.
#pragma once
#include "base/clock.hpp"
#include "inference/process/denial_watch.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace millrace::inference {

class DenialLog {
public:
    DenialLog(telemetry::Log& log, telemetry::Metrics& metrics);

    // `model`: what the worker was running, "name/version"; empty when it had nothing to do.
    void tell(const Denial& denial, int pid, const std::string& model, Monotonic at);

private:
    telemetry::Log& log_;
    telemetry::Counter& counter_;
    Monotonic minute_;                                            // when this minute's lines began
    int lines_ = 0;                                               // written since
    std::map<std::pair<std::string, std::string>, int> lines_of_; // the same, by model and call
    std::uint64_t unwritten_ = 0;                                 // since the last line
};

} // namespace millrace::inference
