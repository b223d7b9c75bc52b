// A job as plain values, and the pure rules of its life. No I/O here.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "values/retry_policy.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::values {

enum class JobState { scheduled, blocked, queued, running, succeeded, dead, cancelled, expired };

std::string_view name(JobState state);
std::optional<JobState> job_state(std::string_view name);
bool is_final(JobState state);

inline constexpr int lowest_priority = 0, default_priority = 5, highest_priority = 9;
inline constexpr int default_attempts = 4, most_attempts = 100; // the first and three retries
inline constexpr double default_timeout_seconds = 1800, least_timeout_seconds = 0.001, most_timeout_seconds = 86'400;

// What becomes of a job when one that it waits for ends without success.
enum class OnFailure { fail, ignore, wait };
std::string_view name(OnFailure policy);
std::optional<OnFailure> on_failure(std::string_view name);

struct Dependency {
    JobId parent;
    OnFailure on_failure = OnFailure::fail;
};

// At most one job with the key among those in the states and made within the period.
struct Unique {
    std::string key;
    std::vector<JobState> states{JobState::scheduled, JobState::blocked, JobState::queued, JobState::running};
    std::optional<std::chrono::microseconds> period; // nullopt: whenever it was made
};

// What a client asks for; checked by the jobs room before it is stored. What is absent comes from its queue's settings.
struct NewJob {
    std::string kind;
    std::string queue = "default";
    std::optional<int> priority;
    std::string payload =
        "{}"; // JSON text as it was sent, without blanks: compact_json() of base/json.hpp, or a kept member
    boost::json::object tags; // of strings
    std::optional<Timestamp> run_at, expires_at, deadline_at;
    std::optional<int> max_attempts;
    std::optional<double> timeout_seconds;
    std::optional<RetryPolicy> retry;
    std::optional<Unique> unique;
    std::vector<Dependency> depends_on;
};

struct JobError {
    std::string code; // stable word: model_failed, bad_input, timed_out, worker_lost …
    std::string message;
};

struct JobAttempt {
    int number = 0;
    Timestamp started_at, ended_at;
    std::string outcome; // a word of jobs/attempt_outcome.hpp
    JobError error;
};

struct Job {
    JobId id;
    OrganizationId organization;
    ActorId created_by; // nil: the admin socket, or the daemon itself
    std::string kind, queue, resource;
    JobState state = JobState::queued;
    int priority = default_priority;
    std::string payload, tags;                        // JSON text
    int attempt = 0, max_attempts = default_attempts; // attempts begun; attempts allowed
    double timeout_seconds = default_timeout_seconds;
    Timestamp created_at, run_at;
    std::optional<RetryPolicy> retry; // its own; else its queue's, else the default
    std::optional<Timestamp> expires_at, deadline_at, started_at, finished_at;
    std::string unique_key;
    std::optional<FlowId> flow;
    std::string flow_ref;
    int blocked_by = 0; // parents that it still waits for
    std::string worker; // the external worker that has, or had, its last attempt
    int progress_percent = 0;
    std::string result;            // JSON text; empty until succeeded
    std::optional<JobError> error; // of the last failed attempt
};

} // namespace millrace::values
