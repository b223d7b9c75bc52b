// /api/v1/results/{id}, and /api/results/{id} for short: what a client polls until its job has ended.
#pragma once
#include "cache/cache.hpp"
#include "http/router.hpp"
#include "jobs/job_service.hpp"

namespace millrace::api {

// Borrows both. A succeeded job never changes again, so its answer is kept in `cache` for a day.
void add_result_routes(http::Router& router, jobs::JobService& jobs, cache::Cache& cache);

} // namespace millrace::api
