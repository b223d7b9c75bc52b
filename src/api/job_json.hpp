// Jobs between JSON and plain values. Pure.
#pragma once
#include "base/json.hpp"
#include "jobs/job_service.hpp"
#include "model/job.hpp"

#include <string>
#include <vector>

namespace millrace::api {

// The JSON of a submit. unprocessable names the member that is wrong.
Result<model::NewJob> read_new_job(const json::value& document);

// A job as the API shows it. `now` decides whether a scheduled job has become due.
std::string write_job(const model::Job& job, Timestamp now);
std::string write_job(const jobs::JobDetail& detail, Timestamp now); // with attempts and timeline
std::string write_jobs(const std::vector<model::Job>& jobs, int limit, Timestamp now);
// The short form for polling: queued, processing, complete or failed.
std::string write_result(const model::Job& job, const jobs::JobOutlook& outlook);

// A plain word of a-z 0-9 _ - that begins with a letter or digit, 63 bytes at most: a queue's name.
bool is_queue_name(std::string_view name);

} // namespace millrace::api
