// The composition root: the features of the daemon, in the order in which they need each other, and the server that
// asks them. Destruction runs backwards; drain() is the orderly way down.
#pragma once
#include "app/features/blob_feature.hpp"
#include "app/features/identity_feature.hpp"
#include "app/features/live_feature.hpp"
#include "app/features/model_feature.hpp"
#include "app/features/queue_feature.hpp"
#include "app/features/service_feature.hpp"
#include "app/foundations.hpp"
#include "http/server.hpp"
#include "telemetry/log_limit.hpp"

#include <array>
#include <atomic>

namespace millrace::app {

class Daemon {
public:
    // What `foundations` borrows outlives it. Opens no socket and starts no work.
    explicit Daemon(Foundations foundations);
    ~Daemon(); // drain()

    Result<void> start(); // loads every feature, listens, starts their work
    void drain();         // stops in order; blocks for jobs.drain_seconds at most, and a little. Idempotent

    std::uint16_t port() const { return server_.port(); }
    const http::Router& router() const { return router_; }
    bool has_keys() const { return identity_.identity().has_keys(); }
    bool store_failed() const { return base_.database->failure().has_value(); }
    // Returns when the writer and the dispatcher have each done something: for the watchdog.
    awaitable<void> prove_progress();

private:
    http::Router routes();
    http::Hooks hooks();
    api::Readiness readiness() const; // thread-safe

    std::atomic<bool> stopping_{false}, drained_{false};
    Foundations base_;
    IdentityFeature identity_;
    BlobFeature blobs_;
    ModelFeature models_;
    QueueFeature queue_;
    ServiceFeature service_;
    LiveFeature live_;
    const std::array<Feature*, 6> features_{&service_, &identity_, &blobs_, &models_, &queue_, &live_};
    http::Router router_;
    telemetry::LogLimit failures_logged_{10};
    http::Server server_;
};

} // namespace millrace::app
