// What this room counts. Instruments of a route are found by its address and created when first used, so that a
// scrape does not list a thousand zeros. Thread-safe, without a lock: a pointer is published with release.
#pragma once
#include "http/router.hpp"
#include "telemetry/metrics.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <unordered_map>

namespace millrace::http {

class RequestMetrics {
public:
    RequestMetrics(telemetry::Metrics& metrics, const Router& router);

    // `route` null: nothing matched, or the request was refused before.
    void finished(const Route* route, unsigned status, std::chrono::nanoseconds took);
    void connection_refused() { refused_->add(); }
    telemetry::Gauge& connections() { return *connections_; }

private:
    struct Slot {
        std::string method = "none", pattern = "none";
        std::array<std::atomic<telemetry::Counter*>, 6> by_class{}; // 0: the connection broke; 1..5: 1xx to 5xx
        std::atomic<telemetry::Histogram*> duration{nullptr};
    };
    telemetry::Metrics* metrics_;
    std::unordered_map<const Route*, Slot> slots_; // not changed after construction
    telemetry::Counter* refused_;
    telemetry::Gauge* connections_;
};

} // namespace millrace::http
