#include "processors/exec/verdict.hpp"

#include <fmt/format.h>

#include <sys/wait.h>
#include <sysexits.h>

#include <csignal>
#include <cstring>

namespace millrace::processors {
namespace {

using jobs::Failure;

Failure failure(Failure::Kind kind, std::string code, std::string message, const std::string& errors) {
    if (!errors.empty()) message += ": " + errors;
    return {kind, {std::move(code), std::move(message)}, {}};
}

std::string_view hint(int signal) {
    if (signal == SIGKILL) return "out of memory?";
    const char* name = ::sigabbrev_np(signal);
    return name ? name : "unknown";
}

} // namespace

std::optional<Failure> failure_of(const ExecCommand& command, const Finished& finished) {
    using enum Failure::Kind;
    const auto& name = command.name;
    const auto& errors = finished.errors;
    if (finished.output.too_large())
        return failure(permanent, "output_too_large",
                       fmt::format("{} wrote more than its {} bytes", name, command.max_output_bytes), errors);
    if (finished.timed_out)
        return failure(retryable, "timed_out",
                       fmt::format("{} ran longer than its {} s", name, command.timeout.count()), errors);
    if (finished.start_error != 0)
        return failure(
            retryable, "not_started",
            fmt::format("{} cannot be started: {}", command.command.front(), ::strerror(finished.start_error)), errors);
    if (!finished.status)
        return failure(retryable, "lost", fmt::format("the process that watches over {} was killed", name), errors);
    const int status = *finished.status;
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        return failure(retryable, fmt::format("signal_{}", signal),
                       fmt::format("{} was killed by signal {} ({})", name, signal, hint(signal)), errors);
    }
    const int code = WEXITSTATUS(status);
    if (code == EX_OK) return std::nullopt;
    const auto message = fmt::format("{} ended with exit status {}", name, code);
    if (code == EX_USAGE || code == EX_DATAERR) return failure(permanent, "bad_input", message, errors);
    return failure(retryable, code == EX_TEMPFAIL ? "temporary_failure" : fmt::format("exit_{}", code), message,
                   errors);
}

} // namespace millrace::processors
