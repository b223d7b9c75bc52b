// /api/v1/flows: jobs that wait for each other, submitted and looked at together.
#pragma once
#include "http/router.hpp"
#include "jobs/flows.hpp"

namespace millrace::api {

void add_flow_routes(http::Router& router, jobs::Flows& flows); // borrowed

} // namespace millrace::api
