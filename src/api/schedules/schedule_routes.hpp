// /api/v1/schedules.
#pragma once
#include "http/router.hpp"
#include "jobs/schedules.hpp"

namespace millrace::api {

// Borrows `schedules` for the life of the router.
void add_schedule_routes(http::Router& router, jobs::Schedules& schedules);

} // namespace millrace::api
