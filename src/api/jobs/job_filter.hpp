// The filters of lists of jobs. Pure. Errors say what the filter takes.
#pragma once
#include "http/request.hpp"
#include "jobs/dead_letters.hpp"
#include "jobs/job_repository.hpp"

namespace millrace::api {

// Of GET /api/v1/jobs.
Result<jobs::job_repository::Filter> job_filter(const http::Query& query);
// Of GET /api/v1/dead-letters.
Result<jobs::DeadFilter> dead_filter(const http::Query& query);
// The "filter" of a replay or purge: the same by name, with "ids"; {} is all of them.
Result<jobs::DeadFilter> dead_filter(const json::value& filter);

} // namespace millrace::api
