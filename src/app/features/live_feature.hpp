// Event streams: what changes, sent to whoever follows it.
#pragma once
#include "api/live/change_tap.hpp"
#include "api/live/live_status.hpp"
#include "app/feature.hpp"
#include "app/features/identity_feature.hpp"
#include "app/features/queue_feature.hpp"
#include "app/features/service_feature.hpp"
#include "app/foundations.hpp"
#include "events/live_logs.hpp"

namespace millrace::app {

class LiveFeature final : public Feature {
public:
    LiveFeature(Foundations& base, IdentityFeature& identity, QueueFeature& queue, ServiceFeature& service);

    void add_routes(http::Router& router) override;
    void start() override;
    void dismiss() override; // streams end, while they can still say so
    void stop(std::chrono::milliseconds patience) override;

private:
    Foundations& base_;
    IdentityFeature& identity_;
    QueueFeature& queue_;
    events::LiveLogs logs_;
    api::ChangeTap tap_;
    api::LiveStatus status_;
};

} // namespace millrace::app
