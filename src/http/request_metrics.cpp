#include "http/request_metrics.hpp"

namespace millrace::http {

RequestMetrics::RequestMetrics(telemetry::Metrics& metrics, const Router& router)
    : metrics_{&metrics},
      refused_{&metrics.counter("millrace_http_connections_refused_total",
                                "Connections refused because a limit was reached.")},
      connections_{&metrics.gauge("millrace_http_connections", "Connections open now.")} {
    slots_[nullptr];
    for (const auto& route : router.routes()) {
        auto& slot = slots_[route.get()];
        const auto name = boost::beast::http::to_string(route->verb);
        slot.method.assign(name.data(), name.size());
        slot.pattern = route->pattern;
    }
}

void RequestMetrics::finished(const Route* route, unsigned status, std::chrono::nanoseconds took) {
    auto& slot = slots_.find(route)->second;
    const auto index = status < 600 ? status / 100 : 0;
    auto* counter = slot.by_class[index].load(std::memory_order_acquire);
    if (!counter) {
        const auto label = index == 0 ? std::string{"broken"} : std::to_string(index) + "xx";
        counter = &metrics_->counter("millrace_http_requests_total",
                                     "Requests answered, by method, route and class of status.",
                                     {{"method", slot.method}, {"route", slot.pattern}, {"status", label}});
        slot.by_class[index].store(counter, std::memory_order_release);
    }
    counter->add();
    auto* duration = slot.duration.load(std::memory_order_acquire);
    if (!duration) {
        duration = &metrics_->histogram("millrace_http_request_duration_seconds",
                                        "From a request's header to the end of its answer.",
                                        {{"method", slot.method}, {"route", slot.pattern}});
        slot.duration.store(duration, std::memory_order_release);
    }
    duration->observe(std::chrono::duration<double>(took).count());
}

} // namespace millrace::http
