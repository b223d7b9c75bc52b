#include "api/live/followed_jobs.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;
using values::JobState;

namespace {

events::LiveEntry change(JobId job, std::optional<JobState> from, JobState to) {
    events::LiveEntry entry;
    entry.job = job;
    entry.from = from;
    entry.to = to;
    return entry;
}

} // namespace

TEST_CASE("what the beginning has told already is not told again") {
    const auto job = JobId::make();
    FollowedJobs jobs;
    jobs.set(job, JobState::running);
    CHECK_FALSE(jobs.takes(change(job, JobState::queued, JobState::running)));
    CHECK(jobs.takes(change(job, JobState::running, JobState::queued)));
    CHECK_FALSE(jobs.takes(change(JobId::make(), {}, JobState::queued)));
}

TEST_CASE("an ended job goes back only where it is retried by hand") {
    const auto job = JobId::make();
    FollowedJobs jobs;
    jobs.set(job, JobState::dead);
    CHECK(jobs.ended());
    CHECK_FALSE(jobs.takes(change(job, JobState::queued, JobState::running))); // of before its end
    CHECK(jobs.takes(change(job, JobState::dead, JobState::queued)));
    CHECK_FALSE(jobs.ended());
}

TEST_CASE("all have ended when the last has") {
    const auto first = JobId::make(), second = JobId::make();
    FollowedJobs jobs;
    jobs.set(first, JobState::blocked);
    jobs.set(second, JobState::running);
    CHECK(jobs.takes(change(second, JobState::running, JobState::succeeded)));
    CHECK_FALSE(jobs.ended());
    CHECK(jobs.takes(change(first, JobState::blocked, JobState::cancelled)));
    CHECK(jobs.ended());
}
