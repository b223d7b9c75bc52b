// A job as plain values, and the pure rules of its life. No I/O here.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::model {

enum class JobState { scheduled, blocked, queued, running, succeeded, dead, cancelled, expired };

std::string_view name(JobState state);
std::optional<JobState> job_state(std::string_view name);
bool is_final(JobState state);

enum class JobEvent {
    due,            // run_at came, or a dependency ended
    claimed,        // a worker took it
    completed,      // the attempt gave a result
    failed_retry,   // the attempt failed and another is planned
    failed_final,   // the attempt failed and none is left
    lost,           // the process or worker that ran it died
    cancelled,
    expired,
    replayed,       // a person asked for it again
};

// nullopt when the event cannot happen in the state (a late result, a second cancel …).
std::optional<JobState> next_state(JobState state, JobEvent event);

inline constexpr int lowest_priority = 0, default_priority = 5, highest_priority = 9;

// What a client asks for; checked by the jobs room before it is stored.
struct NewJob {
    std::string kind;
    std::string queue = "default";
    int priority = default_priority;
    boost::json::value payload = boost::json::object{};
    boost::json::object tags;    // of strings
    std::optional<Timestamp> run_at;
    int max_attempts = 4;        // the first and three retries
    double timeout_seconds = 1800;
};

struct JobError {
    std::string code;    // stable word: model_failed, bad_input, timed_out, worker_lost …
    std::string message;
};

struct JobAttempt {
    int number = 0;
    Timestamp started_at, ended_at;
    std::string outcome; // failed, lost, cancelled
    JobError error;
};

struct Job {
    JobId id;
    OrganizationId organization;
    std::string kind, queue;
    JobState state = JobState::queued;
    int priority = default_priority;
    std::string payload, tags;          // JSON text
    int attempt = 0, max_attempts = 4;  // attempts begun; attempts allowed
    double timeout_seconds = 1800;
    Timestamp created_at, run_at;
    std::optional<Timestamp> started_at, finished_at;
    int progress_percent = 0;
    std::string result;                 // JSON text; empty until succeeded
    std::optional<JobError> error;      // of the last failed attempt
};

} // namespace millrace::model
