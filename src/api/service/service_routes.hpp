// What operators and machines ask about the daemon itself: /health, /ready, /metrics, /openapi.json, /api/v1/status.
#pragma once
#include "http/router.hpp"
#include "inference/engine.hpp"
#include "jobs/dispatcher.hpp"
#include "store/database.hpp"
#include "telemetry/metrics.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace millrace::api {

struct Readiness {
    std::vector<std::string> reasons;  // why the daemon should get no work now; empty: it is ready
    std::vector<std::string> degraded; // what does not work, or only in part, while the rest does
};

struct ServiceInfo {
    std::string version;
    Timestamp started_at;
    std::filesystem::path data;
    std::function<Readiness()> readiness;
};

class ServiceStatus;

// Borrows all but `info`.
void add_service_routes(http::Router& router, const ServiceStatus& status, const ServiceInfo& info,
                        inference::Engine& engine, telemetry::Metrics& metrics);

} // namespace millrace::api
