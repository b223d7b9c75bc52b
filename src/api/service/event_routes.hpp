// /api/v1/events: what operators want to hear of, in the order in which it was committed.
#pragma once
#include "http/router.hpp"
#include "store/database.hpp"

namespace millrace::api {

void add_event_routes(http::Router& router, store::Database& database); // borrowed

} // namespace millrace::api
