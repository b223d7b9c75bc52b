// Jobs as the API shows them. Pure. `now` decides whether a scheduled job has become due.
#pragma once
#include "base/json.hpp"
#include "jobs/job_service.hpp"
#include "values/job.hpp"

#include <string>
#include <vector>

namespace millrace::api {

values::JobState shown_state(const values::Job& job, Timestamp now);
std::string write_job(const values::Job& job, Timestamp now);
// With attempts, timeline, what it waits for, and the retries that `policy` plans.
std::string write_job(const jobs::JobDetail& detail, const values::RetryPolicy& policy, Timestamp now);
std::string write_jobs(const jobs::job_repository::JobPage& page, Timestamp now);
// The short form for polling: queued, processing, complete or failed.
std::string write_result(const values::Job& job, const jobs::JobOutlook& outlook);

std::string write_why(const jobs::Explained& explained, Timestamp now);

// The seconds of the retries that remain to a job, before jitter; the first of them is being waited for when the job is
// scheduled after a failure.
std::vector<double> planned_retries(const jobs::JobDetail& detail, const values::RetryPolicy& policy, Timestamp now);

// JSON of single values: a text in quotes, a moment or null.
std::string json_text(std::string_view text);
std::string json_moment(const std::optional<Timestamp>& time);
std::string json_error(const std::optional<values::JobError>& error);

} // namespace millrace::api
