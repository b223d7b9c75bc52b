// Why a job is not done: one reason, in one sentence, and what can be done about it. Pure.
#pragma once
#include "jobs/dispatch/dispatcher_view.hpp"
#include "values/job.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::jobs {

struct Why {
    // A stable word. Of one that has ended: succeeded, dead, cancelled, expired. Of one that waits: run_at, retry_at,
    // parents, parent_failed, paused, no_worker, no_processor, not_ready, breaker, queue_concurrency, rate,
    // kind_concurrency, slots, position, next. Of one that runs: running.
    std::string_view reason;
    std::string sentence;
    std::string remedy;             // what whoever asks may do; empty: nothing needs to be done
    std::optional<Timestamp> until; // when that changes by itself
};

// A job that another one depends on.
struct ParentView {
    JobId id;
    std::optional<values::JobState> state; // nullopt: it is gone
    values::OnFailure on_failure = values::OnFailure::fail;
};
// Whether it still holds up the one that depends on it.
bool holds_up(const ParentView& parent);

// `parents` of a blocked job; `standing` of one that has not ended.
Why why(const values::Job& job, const std::vector<ParentView>& parents, const Standing& standing, Timestamp now);

} // namespace millrace::jobs
