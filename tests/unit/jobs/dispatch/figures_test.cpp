// What is counted, and where it stays when its queue has gone.
#include "jobs/dispatch/figures.hpp"
#include "unit/jobs/dispatch/waiting_jobs.hpp"

#include <doctest/doctest.h>

namespace millrace::jobs::test {

using values::JobState;

TEST_CASE("totals of earlier lives go to their queue, and those without one to their organisation") {
    QueueTable table;
    telemetry::Metrics metrics;
    Figures figures{table, metrics};
    figures.count_before({organization(1), "known", "echo", JobState::succeeded, 4, 8'000'000});
    figures.count_before({organization(1), "", "", JobState::succeeded, 7, 0}); // added up before
    CHECK(table.find_queue(organization(1), "known")->ended.at(JobState::succeeded) == 4);
    CHECK(table.find_queue(organization(1), "known")->mean_seconds.find("echo") == 2.0);
    CHECK(figures.ended_elsewhere().at(organization(1)).at(JobState::succeeded) == 7);
    CHECK(table.count(organization(1)) == 1);
}

TEST_CASE("a job that ended is counted for its queue and for all") {
    QueueTable table;
    telemetry::Metrics metrics;
    Figures figures{table, metrics};
    auto& queue = *table.queue(organization(1), "default");
    figures.submitted(queue, Monotonic{});
    figures.ran(queue, "echo", 3, true);
    figures.ran(queue, "echo", 100, false); // how long a failure took says nothing of the next job
    figures.ended(queue, JobState::succeeded, Monotonic{});
    figures.set(5, 2);
    CHECK(queue.ended.at(JobState::succeeded) == 1);
    CHECK(queue.mean_seconds.find("echo") == 3.0);
    const auto text = metrics.render();
    CHECK(text.find("millrace_jobs_submitted_total 1\n") != std::string::npos);
    CHECK(text.find("millrace_jobs_ended_total{state=\"succeeded\"} 1\n") != std::string::npos);
    CHECK(text.find("millrace_jobs_waiting 5\n") != std::string::npos);
    CHECK(text.find("millrace_job_run_seconds_count 2\n") != std::string::npos);
}

} // namespace millrace::jobs::test
