// /api/v1/models/{name}/versions/{version}/load and /unload, /api/v1/models/{name}/statistics: the models that are
// served now.
#pragma once
#include "http/router.hpp"
#include "inference/engine.hpp"
#include "models/registry.hpp"

namespace millrace::api {

// Borrows everything for the life of the router.
void add_model_engine_routes(http::Router& router, models::Registry& registry, inference::Engine& engine);

} // namespace millrace::api
