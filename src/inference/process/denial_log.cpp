#include "inference/process/denial_log.hpp"

namespace millrace::inference {
namespace {

constexpr int lines_a_minute = 100; // in all
constexpr int lines_of_one = 5;     // of them, about one call of one model

} // namespace

DenialLog::DenialLog(telemetry::Log& log, telemetry::Metrics& metrics)
    : log_{log},
      counter_{metrics.counter("millrace_worker_denied_total", "System calls that the worker's sandbox has refused "
                                                               "and that no model needs.")} {}

void DenialLog::tell(const Denial& denial, int pid, const std::string& model, Monotonic at) {
    counter_.add();
    if (at - minute_ >= std::chrono::minutes{1}) {
        minute_ = at;
        lines_ = 0;
        lines_of_.clear();
    }
    if (lines_ >= lines_a_minute || lines_of_[{model, denial.call}] >= lines_of_one) {
        ++unwritten_;
        return;
    }
    ++lines_;
    ++lines_of_[{model, denial.call}];
    log_.warning("the sandbox refused a system call", {{"call", denial.call},
                                                       {"arguments", denial.arguments},
                                                       {"model", model},
                                                       {"pid", pid},
                                                       {"not_logged_before", unwritten_}});
    unwritten_ = 0;
}

} // namespace millrace::inference
