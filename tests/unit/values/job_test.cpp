#include "values/job.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace millrace::values;

TEST_CASE("every state and every policy has a name, and is found by it") {
    for (const auto state : {JobState::scheduled, JobState::blocked, JobState::queued, JobState::running,
                             JobState::succeeded, JobState::dead, JobState::cancelled, JobState::expired})
        CHECK(job_state(name(state)) == state);
    for (const auto policy : {OnFailure::fail, OnFailure::ignore, OnFailure::wait})
        CHECK(on_failure(name(policy)) == policy);
    for (const char* unknown : {"", "Queued", "finished", "queued "}) {
        CHECK_FALSE(job_state(unknown));
        CHECK_FALSE(on_failure(unknown));
    }
}

TEST_CASE("what has ended is succeeded, dead, cancelled or expired") {
    for (const auto state : {JobState::succeeded, JobState::dead, JobState::cancelled, JobState::expired})
        CHECK(is_final(state));
    for (const auto state : {JobState::scheduled, JobState::blocked, JobState::queued, JobState::running})
        CHECK_FALSE(is_final(state));
}
