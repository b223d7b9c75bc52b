// What models did, under the names of Triton's metrics, which dashboards know. Pure.
#pragma once
#include "inference/engine.hpp"

#include <string>
#include <vector>

namespace millrace::api {

// In the Prometheus text format, with the labels `model` and `version`; of one organisation's models, so that nobody
// reads the names of another's. Empty when it has none.
std::string inference_metrics(const std::vector<inference::ModelStatistics>& statistics, OrganizationId organization);

} // namespace millrace::api
