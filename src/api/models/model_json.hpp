// What the engine knows about the versions of a model, as the API shows it. Pure.
#pragma once
#include "base/json.hpp"
#include "inference/engine.hpp"
#include "models/model.hpp"

#include <vector>

namespace millrace::api {

using LoadedModels = std::vector<inference::LoadedModel>;

// As models::to_json, with "loaded" in each version:
// {"state","memory_bytes","used_at","own_worker","quarantine","reason"?}.
json::object model_json(const models::Model& model, bool with_manifests, const LoadedModels& loaded);
// One version by itself; names its model.
json::object version_json(const models::Model& model, const models::Version& version, const LoadedModels& loaded);

// {"kind","model","input"?,"workers_ended","until"}
json::object quarantine_json(const inference::QuarantineStatus& held);

// {"name","pending","versions":[{"version","inference_count", … ,"success":{"count","ms"}, … ,"batches":[…],"cache"}]}:
// totals since the start, of the versions that are registered.
json::object statistics_json(const models::Model& model, const std::vector<inference::ModelStatistics>& statistics);

} // namespace millrace::api
