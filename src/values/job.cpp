#include "values/job.hpp"

#include <array>

namespace millrace::values {
namespace {

constexpr std::array<std::string_view, 8> state_names{"scheduled", "blocked", "queued",    "running",
                                                      "succeeded", "dead",    "cancelled", "expired"};

} // namespace

std::string_view name(JobState state) { return state_names[static_cast<std::size_t>(state)]; }

std::optional<JobState> job_state(std::string_view text) {
    for (std::size_t i = 0; i < state_names.size(); ++i)
        if (state_names[i] == text) return static_cast<JobState>(i);
    return std::nullopt;
}

constexpr std::array<std::string_view, 3> on_failure_names{"fail", "ignore", "wait"};
std::string_view name(OnFailure policy) { return on_failure_names[static_cast<std::size_t>(policy)]; }

std::optional<OnFailure> on_failure(std::string_view text) {
    for (std::size_t i = 0; i < on_failure_names.size(); ++i)
        if (on_failure_names[i] == text) return static_cast<OnFailure>(i);
    return std::nullopt;
}

bool is_final(JobState state) {
    return state == JobState::succeeded || state == JobState::dead || state == JobState::cancelled ||
           state == JobState::expired;
}

} // namespace millrace::values
