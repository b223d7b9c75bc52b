// What the daemon says of itself, to operators and machines, and its web page.
#pragma once
#include "api/service/service_status.hpp"
#include "app/feature.hpp"
#include "app/features/model_feature.hpp"
#include "app/features/queue_feature.hpp"
#include "app/foundations.hpp"

namespace millrace::app {

class ServiceFeature final : public Feature {
public:
    ServiceFeature(Foundations& base, ModelFeature& models, QueueFeature& queue);

    void add_routes(http::Router& router) override;
    void report(api::Readiness& readiness) const override;

    const api::ServiceStatus& status() const { return status_; }

private:
    api::ServiceInfo info();
    void write_accepted_damage(const std::string& what); // as an event

    Foundations& base_;
    ModelFeature& models_;
    const Timestamp started_at_;
    const api::ServiceStatus status_;
    const bool damaged_; // the database, when it was opened
};

} // namespace millrace::app
