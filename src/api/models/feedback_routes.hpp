// POST /api/v1/jobs/{id}/feedback: what a prediction should have been.
#pragma once
#include "http/router.hpp"
#include "jobs/job_service.hpp"
#include "models/feedback.hpp"

namespace millrace::api {

void add_feedback_routes(http::Router& router, jobs::JobService& jobs, models::Feedback& feedback,
                         const Clock& clock); // borrowed

} // namespace millrace::api
