#include "inference/denial_log.hpp"

namespace millrace::inference {
namespace {

constexpr int lines_a_minute = 20;

}

DenialLog::DenialLog(telemetry::Log& log, telemetry::Metrics& metrics)
    : log_{log}, counter_{metrics.counter("millrace_worker_denied_total", "System calls that the worker's sandbox has refused "
                                                                          "and that no model needs.")} {}

void DenialLog::tell(const Denial& denial, int pid, const std::string& model, Monotonic at) {
    counter_.add();
    if (at - minute_ >= std::chrono::minutes{1}) {
        minute_ = at;
        lines_ = 0;
    }
    if (lines_ >= lines_a_minute) {
        ++unwritten_;
        return;
    }
    ++lines_;
    log_.warning("the sandbox refused a system call", {{"call", denial.call},
                                                       {"arguments", denial.arguments},
                                                       {"model", model},
                                                       {"pid", pid},
                                                       {"not_logged_before", unwritten_}});
    unwritten_ = 0;
}

} // namespace millrace::inference
