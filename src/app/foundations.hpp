// What every feature builds on, and what can fail to open: the store, the files, the cache. Opened before the rest.
#pragma once
#include "api/service/service_routes.hpp"
#include "async/io_pool.hpp"
#include "async/thread_pool.hpp"
#include "blobs/blob_store.hpp"
#include "cache/cache.hpp"
#include "config/config.hpp"
#include "events/feed.hpp"
#include "models/trusted_keys.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "upkeep/upkeep.hpp"

#include <functional>
#include <memory>

namespace millrace::app {

struct Foundations {
    config::Config config;
    telemetry::Log* log = nullptr; // outlives all
    Clock* clock = nullptr;        // outlives all
    std::unique_ptr<telemetry::Metrics> metrics;
    std::unique_ptr<events::Feed> feed; // of the database
    std::unique_ptr<store::Database> database;
    std::unique_ptr<async::ThreadPool> files;
    std::unique_ptr<blobs::BlobStore> blobs, model_files;
    std::unique_ptr<cache::Cache> cache;
    models::TrustedKeys trusted_keys;
    std::unique_ptr<async::IoPool> io;
    std::unique_ptr<upkeep::Upkeep> upkeep;    // features add their chores while they are made
    std::function<api::Readiness()> readiness; // of the whole daemon; the daemon gives it

    // Rows were lost when the database was opened, and their files may be all that is left.
    bool keeps_strays() const;

    // The error says what to do: another daemon holds the lock, the folder cannot be written …
    static Result<Foundations> open(const config::Config& config, telemetry::Log& log);
};

} // namespace millrace::app
