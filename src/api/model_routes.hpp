// /api/v1/models.
#pragma once
#include "http/router.hpp"
#include "models/registry.hpp"

namespace millrace::api {

// Borrows everything for the life of the router.
void add_model_routes(http::Router& router, models::Registry& registry);

} // namespace millrace::api
