#include "jobs/dispatch/figures.hpp"

namespace millrace::jobs {

using values::JobState;

Figures::Figures(QueueTable& table, telemetry::Metrics& metrics)
    : table_{table},
      submitted_total_{metrics.counter("millrace_jobs_submitted_total", "Jobs accepted")},
      retried_total_{metrics.counter("millrace_job_retries_total", "Failed attempts that will be tried again")},
      run_seconds_{metrics.histogram("millrace_job_run_seconds", "Time from an attempt's claim to its recorded end")},
      waiting_{metrics.gauge("millrace_jobs_waiting", "Jobs queued, scheduled or blocked")},
      running_{metrics.gauge("millrace_jobs_running", "Attempts under way, here and at external workers")},
      breakers_open_{metrics.gauge("millrace_breakers_open", "Circuit breakers that are open or half open")} {
    for (const auto state : {JobState::succeeded, JobState::dead, JobState::cancelled, JobState::expired})
        ended_total_[state] = &metrics.counter("millrace_jobs_ended_total", "Jobs ended, by state",
                                               {{"state", std::string{values::name(state)}}});
}

void Figures::count_before(const total_repository::Total& total) {
    auto queue = table_.find_queue(total.organization, total.queue);
    if (!queue && !total.queue.empty() && table_.count(total.organization) < QueueTable::most_queues)
        queue = table_.queue(total.organization, total.queue);
    if (!queue) {
        ended_elsewhere_[total.organization][total.state] += total.jobs;
        return;
    }
    queue->ended[total.state] += total.jobs;
    if (total.state == JobState::succeeded && total.jobs > 0)
        queue->mean_seconds.set(total.kind, static_cast<double>(total.run_us) / 1e6 / static_cast<double>(total.jobs));
}

void Figures::submitted(Queue& queue, Monotonic now) {
    queue.submitted.add(now);
    submitted_total_.add();
}

void Figures::ended(Queue& queue, JobState as, Monotonic now) {
    queue.finished.add(now);
    ++queue.ended[as];
    ended_total_[as]->add();
}

void Figures::ran(Queue& queue, std::string_view kind, double seconds, bool succeeded) {
    run_seconds_.observe(seconds);
    if (succeeded) queue.mean_seconds.add(kind, seconds);
}

void Figures::keep_totals_of_given_up() {
    for (const auto& queue : table_.take_given_up())
        for (const auto& [state, jobs] : queue->ended) ended_elsewhere_[queue->organization][state] += jobs;
}

void Figures::count_open_breakers() {
    std::int64_t open = 0;
    for (const auto& queue : table_.queues()) open += !queue->breaker.is_closed();
    for (const auto* resource : table_.resources()) open += !resource->breaker.is_closed();
    breakers_open_.set(open);
}

void Figures::set(std::size_t waiting, std::size_t running) {
    waiting_.set(static_cast<std::int64_t>(waiting));
    running_.set(static_cast<std::int64_t>(running));
}

} // namespace millrace::jobs
