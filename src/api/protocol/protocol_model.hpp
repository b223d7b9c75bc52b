// Models as the Open Inference Protocol describes them. Pure.
#pragma once
#include "base/json.hpp"
#include "inference/engine.hpp"
#include "values/manifest.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::api::protocol {

json::object server_metadata(std::string_view version);

// The shapes have the batch dimension, -1, as the first.
json::object model_metadata(std::string_view name, const std::vector<std::string>& versions,
                            const values::Manifest& manifest);

// As far as Triton's model configuration has words for what a manifest says.
json::object model_config(std::string_view name, const values::Manifest& manifest, std::string_view device);

// One of "model_stats". `statistics` is null for a version that nobody has asked yet.
json::object model_statistics(std::string_view name, std::string_view version,
                              const inference::ModelStatistics* statistics);

} // namespace millrace::api::protocol
