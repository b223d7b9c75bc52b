// The composition root: every part of the daemon as a member, in the order in which they need each other. The only
// place that picks implementations. Destruction runs backwards; drain() is the orderly way down.
#pragma once
#include "api/service/service_routes.hpp"
#include "async/io_pool.hpp"
#include "async/thread_pool.hpp"
#include "blobs/blob_store.hpp"
#include "cache/cache.hpp"
#include "catalog/blob_catalog.hpp"
#include "catalog/blob_sweeper.hpp"
#include "config/config.hpp"
#include "http/server.hpp"
#include "identity/identity.hpp"
#include "inference/engine.hpp"
#include "jobs/dead_letters.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/flows.hpp"
#include "jobs/job_service.hpp"
#include "jobs/leases.hpp"
#include "jobs/queues.hpp"
#include "jobs/retention.hpp"
#include "jobs/schedules.hpp"
#include "models/breakers.hpp"
#include "models/feedback.hpp"
#include "models/registry.hpp"
#include "models/rollout.hpp"
#include "models/serving.hpp"
#include "models/version_stats.hpp"
#include "processors/echo/echo.hpp"
#include "processors/exec/exec.hpp"
#include "processors/infer/infer.hpp"
#include "processors/sleep/sleep.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/log_limit.hpp"
#include "telemetry/metrics.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace millrace::app {

// What can fail to open, opened before the rest is built on it.
struct Foundations {
    std::unique_ptr<telemetry::Metrics> metrics;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<async::ThreadPool> files;
    std::unique_ptr<blobs::BlobStore> blobs, model_files;
    std::unique_ptr<cache::Cache> cache;
    models::TrustedKeys trusted_keys;

    // The error says what to do: another daemon holds the lock, the folder cannot be written …
    static Result<Foundations> open(const config::Config& config, telemetry::Log& log);
};

class Daemon {
public:
    // `log` outlives it. Opens no socket and starts no work.
    Daemon(const config::Config& config, telemetry::Log& log, Foundations foundations);
    ~Daemon(); // drain()

    Result<void> start(); // rebuilds the queue, listens, starts the worker and the dispatcher
    void drain();         // stops in order; blocks for jobs.drain_seconds at most, and a little. Idempotent

    std::uint16_t port() const { return server_.port(); }
    const http::Router& router() const { return router_; }
    bool has_keys() const { return identity_.has_keys(); }
    bool store_failed() const { return base_.database->failure().has_value(); }
    api::Readiness readiness() const; // thread-safe
    // Returns when the writer and the dispatcher have each done something: for the watchdog.
    awaitable<void> prove_progress();

private:
    http::Router routes();
    void tell_of_damage();
    void write_accepted_damage(const std::string& what);
    void write_quarantine(const inference::QuarantineStatus& change); // as an event; on the engine's thread

    const config::Config config_;
    telemetry::Log& log_;
    Clock& clock_;
    const Timestamp started_at_;
    std::atomic<bool> stopping_{false}, drained_{false};

    Foundations base_;
    const bool damaged_; // the database, when it was opened
    async::IoPool io_;
    inference::Engine engine_;
    std::unique_ptr<models::Trial> trial_;
    models::Registry registry_;
    std::unique_ptr<models::Runner> runner_;
    models::Breakers breakers_;
    models::VersionStats version_stats_;
    models::Rollout rollout_;
    models::Feedback feedback_;
    models::Serving serving_;
    catalog::BlobCatalog catalog_;
    catalog::BlobSweeper blob_sweeper_;
    identity::Identity identity_;
    processors::Echo echo_;
    processors::Sleep sleep_;
    processors::Exec exec_;
    processors::Infer infer_;
    jobs::Dispatcher dispatcher_;
    jobs::JobService jobs_;
    jobs::Queues queues_;
    jobs::DeadLetters dead_letters_;
    jobs::Leases leases_;
    jobs::Flows flows_;
    std::unique_ptr<jobs::Submitter> submitter_;
    jobs::Schedules schedules_;
    jobs::Retention retention_;
    http::Router router_;
    telemetry::LogLimit failures_logged_{10};
    http::Server server_;
};

} // namespace millrace::app
