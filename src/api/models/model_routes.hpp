// /api/v1/models.
#pragma once
#include "http/router.hpp"
#include "inference/engine.hpp"
#include "models/registry.hpp"

namespace millrace::api {

// Borrows everything for the life of the router.
void add_model_routes(http::Router& router, models::Registry& registry, inference::Engine& engine);

} // namespace millrace::api
