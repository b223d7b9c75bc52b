// /api/v1/queues/{q}/leases and /api/v1/leases/{token}: how workers outside the daemon take jobs and report.
#pragma once
#include "http/router.hpp"
#include "jobs/leases.hpp"

namespace millrace::api {

void add_lease_routes(http::Router& router, jobs::Leases& leases); // borrowed

} // namespace millrace::api
