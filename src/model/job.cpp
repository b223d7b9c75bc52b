#include "model/job.hpp"

#include <array>

namespace millrace::model {
namespace {

constexpr std::array<std::string_view, 8> state_names{"scheduled", "blocked", "queued", "running",
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
    return state == JobState::succeeded || state == JobState::dead || state == JobState::cancelled || state == JobState::expired;
}

std::optional<JobState> next_state(JobState state, JobEvent event) {
    const bool waiting = state == JobState::scheduled || state == JobState::blocked || state == JobState::queued;
    const bool running = state == JobState::running;
    switch (event) {
    case JobEvent::due: return state == JobState::scheduled || state == JobState::blocked ? std::optional{JobState::queued} : std::nullopt;
    case JobEvent::claimed: return state == JobState::queued ? std::optional{JobState::running} : std::nullopt;
    case JobEvent::completed: return running ? std::optional{JobState::succeeded} : std::nullopt;
    case JobEvent::failed_retry: return running ? std::optional{JobState::scheduled} : std::nullopt;
    case JobEvent::failed_final: return running ? std::optional{JobState::dead} : std::nullopt;
    case JobEvent::lost: return running ? std::optional{JobState::queued} : std::nullopt;
    case JobEvent::cancelled: return waiting || running ? std::optional{JobState::cancelled} : std::nullopt;
    case JobEvent::expired: return waiting ? std::optional{JobState::expired} : std::nullopt;
    case JobEvent::replayed: return is_final(state) && state != JobState::succeeded ? std::optional{JobState::queued} : std::nullopt;
    }
    return std::nullopt;
}

} // namespace millrace::model
