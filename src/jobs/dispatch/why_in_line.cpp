#include "jobs/dispatch/why_in_line.hpp"

#include <fmt/format.h>

namespace millrace::jobs {
namespace {

using values::BreakerView;

std::optional<Why> paused(const values::Job& job, const Standing& standing) {
    if (!standing.pause) return std::nullopt;
    const auto& pause = *standing.pause;
    auto sentence = fmt::format("The queue \"{}\" has been paused since {}", job.queue, moment(pause.since));
    if (!pause.actor.empty()) sentence += fmt::format(" by {}", pause.actor);
    if (pause.until) sentence += fmt::format(", until {}", moment(*pause.until));
    if (!pause.reason.empty()) sentence += fmt::format(": {}", pause.reason);
    return Why{"paused", sentence + (sentence.ends_with('.') ? "" : "."),
               fmt::format("Resume it: millrace queue resume {}", job.queue), pause.until};
}

// Nobody is there to do it.
std::optional<Why> unserved(const values::Job& job, const Standing& standing) {
    if (standing.external) {
        if (standing.waiting_workers > 0 || standing.external_leases > 0) return std::nullopt;
        return Why{"no_worker",
                   fmt::format("No worker asks for jobs of the queue \"{}\".", job.queue),
                   fmt::format("Start a worker that leases from it: POST /api/v1/queues/{}/leases", job.queue),
                   {}};
    }
    if (!standing.has_processor)
        return Why{
            "no_processor",
            fmt::format("Nothing in this daemon runs jobs of the kind \"{}\".", job.kind),
            fmt::format("Configure the kind as a command, or let external workers have the queue: millrace queue "
                        "set {} --external true",
                        job.queue),
            {}};
    if (!standing.obstacle.empty())
        return Why{"not_ready",
                   fmt::format("Jobs like this one cannot be done now: {}.", standing.obstacle),
                   "See millrace status",
                   {}};
    return std::nullopt;
}

std::optional<Why> broken(const values::Job& job, const Standing& standing, Timestamp now) {
    const auto because = [&](const BreakerView& view, const std::string& whose) -> std::optional<Why> {
        if (view.state == BreakerView::State::closed) return std::nullopt;
        if (view.state == BreakerView::State::half_open)
            return standing.probing
                       ? std::optional{Why{
                             "breaker",
                             fmt::format("Too many jobs of {} failed; one runs to see whether that is over.", whose),
                             "Mend the cause: millrace dlq list shows the errors",
                             {}}}
                       : std::nullopt;
        return Why{"breaker",
                   fmt::format("Too many jobs of {} failed ({} of the last {}); the next is tried in {}.", whose,
                               view.failures, view.attempts,
                               in_words(static_cast<double>(view.reopens_in.count()) / 1e3)),
                   "Mend the cause: millrace dlq list shows the errors", now + view.reopens_in};
    };
    if (auto found = because(standing.queue_breaker, fmt::format("the queue \"{}\"", job.queue))) return found;
    return because(standing.resource_breaker, fmt::format("\"{}\"", job.resource));
}

std::optional<Why> limited(const values::Job& job, const Standing& standing, Timestamp now) {
    if (standing.queue_concurrency && standing.queue_running >= *standing.queue_concurrency)
        return Why{"queue_concurrency",
                   fmt::format("{} jobs of the queue \"{}\" run, and no more may at once.", standing.queue_running,
                               job.queue),
                   fmt::format("Allow more: millrace queue set {} --concurrency N", job.queue),
                   {}};
    if (standing.next_token.count() > 0)
        return Why{"rate",
                   fmt::format("The queue \"{}\" begins {:g} jobs a second; the next one in {}.", job.queue,
                               *standing.rate, in_words(static_cast<double>(standing.next_token.count()) / 1e6)),
                   fmt::format("Allow more: millrace queue set {} --rate N", job.queue), now + standing.next_token};
    if (standing.external) return std::nullopt;
    if (standing.kind_running >= standing.kind_concurrency)
        return Why{"kind_concurrency",
                   fmt::format("{} jobs of the kind \"{}\" run, and no more may at once.", standing.kind_running,
                               job.kind),
                   {},
                   {}};
    if (standing.slots_taken >= standing.slots)
        return Why{"slots",
                   fmt::format("{} jobs run, and no more may at once in this daemon.", standing.slots_taken),
                   "Allow more: jobs.concurrency in the configuration",
                   {}};
    return std::nullopt;
}

// Its place, where it has to wait for its turn as well.
std::string turn(const Standing& standing) {
    const auto before = standing.outlook.position.value_or(0);
    if (before == 0) return " It is the next.";
    return before == 1 ? " One job comes before it." : fmt::format(" {} jobs come before it.", before);
}

Why in_line(const Standing& standing) {
    const auto before = standing.outlook.position.value_or(0);
    if (before == 0) return {"next", "It is the next of its queue, and nothing stands in its way.", {}, {}};
    auto sentence =
        before == 1 ? std::string{"One job comes before it"} : fmt::format("{} jobs come before it", before);
    if (const auto left = standing.outlook.seconds_remaining)
        sentence += fmt::format("; at the present pace it is done in about {}", in_words(*left));
    return {"position", sentence + ".", {}, {}};
}

} // namespace

std::string in_words(double seconds) {
    if (seconds < 1) return "less than a second";
    if (seconds < 120) return fmt::format("{:.0f} s", seconds);
    if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
    return fmt::format("{:.0f} h", seconds / 3600);
}

std::string moment(Timestamp at) { return at.text().substr(0, 19) + 'Z'; }

Why why_in_line(const values::Job& job, const Standing& standing, Timestamp now) {
    if (auto found = paused(job, standing)) return *found;
    if (auto found = unserved(job, standing)) return *found;
    if (auto found = broken(job, standing, now)) return *found;
    if (auto found = limited(job, standing, now)) {
        found->sentence += turn(standing);
        return *found;
    }
    return in_line(standing);
}

} // namespace millrace::jobs
