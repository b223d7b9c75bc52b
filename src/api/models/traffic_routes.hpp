// /api/v1/models/{name}/traffic, /rollback and /comparison: who answers for a model, and how well.
#pragma once
#include "http/router.hpp"
#include "models/breakers.hpp"
#include "models/feedback.hpp"
#include "models/registry.hpp"
#include "models/rollout.hpp"
#include "models/version_stats.hpp"

namespace millrace::api {

// Borrows everything for the life of the router.
void add_traffic_routes(http::Router& router, models::Registry& registry, models::Rollout& rollout,
                        models::VersionStats& stats, models::Feedback& feedback, models::Breakers& breakers);

} // namespace millrace::api
