// /api/v1/flows: jobs that wait for each other, submitted and looked at together.
#pragma once
#include "async/thread_pool.hpp"
#include "http/router.hpp"
#include "jobs/flows.hpp"

namespace millrace::api {

// Borrows both for the life of the router.
void add_flow_routes(http::Router& router, jobs::Flows& flows, async::ThreadPool& pool);

} // namespace millrace::api
