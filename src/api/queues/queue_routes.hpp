// /api/v1/queues, and /api/v1/breakers: what stands still because too much of it failed.
#pragma once
#include "http/router.hpp"
#include "jobs/queues.hpp"

namespace millrace::api {

void add_queue_routes(http::Router& router, jobs::Queues& queues, jobs::Dispatcher& dispatcher); // borrowed

} // namespace millrace::api
