#include "jobs/why.hpp"

#include "jobs/dispatch/why_in_line.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::jobs {
namespace {

using values::JobState;

std::string error_of(const values::Job& job) {
    return job.error ? fmt::format("{}: {}", job.error->code, job.error->message) : "no error was told";
}

Why ended(const values::Job& job) {
    const auto at = moment(job.finished_at.value_or(job.created_at));
    switch (job.state) {
    case JobState::dead:
        return {"dead",
                fmt::format("It failed for good at {}, after {} of {} attempts; the last error is {}.", at, job.attempt,
                            job.max_attempts, error_of(job)),
                fmt::format("Mend the cause, then run it again: millrace job retry {}", job.id.text()),
                {}};
    case JobState::cancelled:
        return {"cancelled",
                fmt::format("It was cancelled at {}.", at),
                fmt::format("Run it all the same: millrace job retry {}", job.id.text()),
                {}};
    case JobState::expired:
        return {"expired",
                fmt::format("It had not begun when it expired, at {}.",
                            moment(job.expires_at.value_or(job.created_at))),
                fmt::format("Run it all the same: millrace job retry {}", job.id.text()),
                {}};
    default: return {"succeeded", fmt::format("It succeeded at {}.", at), {}, {}};
    }
}

// The first few, with their states.
std::string names_of(const std::vector<const ParentView*>& parents) {
    constexpr std::size_t few = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(few, parents.size()); ++i)
        text += fmt::format("{}{} ({})", i > 0 ? ", " : "", parents[i]->id.text(),
                            parents[i]->state ? values::name(*parents[i]->state) : "gone");
    if (parents.size() > few) text += fmt::format(" and {} more", parents.size() - few);
    return text;
}

Why blocked(const values::Job& job, const std::vector<ParentView>& parents) {
    std::vector<const ParentView*> open, failed;
    for (const auto& parent : parents)
        if (holds_up(parent)) (parent.state && !values::is_final(*parent.state) ? open : failed).push_back(&parent);
    if (!failed.empty())
        return {"parent_failed",
                fmt::format("It waits for the success of {} it depends on, which ended without: {}.",
                            failed.size() == 1 ? "a job" : "jobs", names_of(failed)),
                fmt::format("Run that again (millrace job retry {}), or cancel this one (millrace job cancel {})",
                            failed.front()->id.text(), job.id.text()),
                {}};
    if (open.empty()) return {"parents", "The jobs it depends on have ended; it is about to be put in line.", {}, {}};
    return {"parents",
            fmt::format("It waits for {} it depends on: {}.",
                        open.size() == 1 ? "a job" : fmt::format("{} jobs", open.size()), names_of(open)),
            fmt::format("See why that is not done: millrace job why {}", open.front()->id.text()),
            {}};
}

Why running(const values::Job& job, const Standing& standing) {
    auto sentence = fmt::format("Attempt {} of {} runs", job.attempt, job.max_attempts);
    if (!job.worker.empty()) sentence += fmt::format(" at the worker \"{}\"", job.worker);
    if (job.started_at) sentence += fmt::format(" since {}", moment(*job.started_at));
    if (const auto percent = standing.outlook.progress_percent; percent && *percent > 0)
        sentence += fmt::format(", {}% done", *percent);
    if (const auto left = standing.outlook.seconds_remaining)
        sentence += fmt::format(", about {} left", in_words(*left));
    if (!standing.obstacle.empty())
        return {"not_ready", fmt::format("{}, but {}.", sentence, standing.obstacle), "See millrace status", {}};
    return {"running", sentence + ".", {}, {}};
}

Why later(const values::Job& job) {
    if (job.attempt > 0 && job.error)
        return {"retry_at",
                fmt::format("Attempt {} of {} failed ({}); the next begins at {}.", job.attempt, job.max_attempts,
                            error_of(job), moment(job.run_at)),
                {},
                job.run_at};
    return {"run_at", fmt::format("It is to begin at {}, not before.", moment(job.run_at)), {}, job.run_at};
}

} // namespace

bool holds_up(const ParentView& parent) {
    if (!parent.state) return false;
    if (!values::is_final(*parent.state)) return true;
    return *parent.state != JobState::succeeded && parent.on_failure == values::OnFailure::wait;
}

Why why(const values::Job& job, const std::vector<ParentView>& parents, const Standing& standing, Timestamp now) {
    if (values::is_final(job.state)) return ended(job);
    if (job.state == JobState::running || standing.begun) return running(job, standing);
    if (job.state == JobState::blocked) return blocked(job, parents);
    if (job.run_at > now) return later(job);
    return why_in_line(job, standing, now);
}

} // namespace millrace::jobs
