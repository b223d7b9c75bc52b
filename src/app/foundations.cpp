#include "app/foundations.hpp"

#include "cache/lmdb.hpp"
#include "store/postgres.hpp"
#include "store/sqlite.hpp"

#include <fmt/format.h>

#include <csignal>

#include <unistd.h>

namespace millrace::app {
namespace {

constexpr std::size_t files_queue = 4096;

// A store that has failed takes nothing more until it is opened again (an fsync is never retried, and a daemon whose
// place another one has taken never writes again): stop in order, so that the service manager starts the daemon anew.
void stop_daemon(const std::string&) { ::kill(::getpid(), SIGTERM); }

Result<std::unique_ptr<store::Database>> open_database(const config::Config& config, events::Feed& feed,
                                                       telemetry::Log& log, telemetry::Metrics& metrics) {
    if (!config.store.url.empty())
        return store::open_postgres({.url = config.store.url,
                                     .data = config.data,
                                     .readers = config.store.readers,
                                     .write_queue = config.store.queue_capacity,
                                     .on_commit = feed.on_commit(),
                                     .on_failure = stop_daemon},
                                    log, metrics);
    return store::open_sqlite({.data = config.data,
                               .readers = config.store.readers,
                               .write_queue = config.store.queue_capacity,
                               .accept_damage = config.store.accept_damage,
                               .on_commit = feed.on_commit(),
                               .on_failure = stop_daemon},
                              log, metrics);
}

} // namespace

Result<Foundations> Foundations::open(const config::Config& config, telemetry::Log& log) {
    using std::filesystem::perms;
    std::error_code failure;
    std::filesystem::create_directories(config.data, failure);
    if (!failure)
        std::filesystem::permissions(config.data, perms::owner_all | perms::group_read | perms::group_exec, failure);
    if (failure)
        return Error{
            Code::unavailable,
            fmt::format(
                "the data folder {} cannot be used: {}; run as the user that owns it, or choose another with --data",
                config.data.string(), failure.message())};

    Foundations base;
    base.config = config;
    base.log = &log;
    base.clock = &SystemClock::instance();
    auto trusted = models::TrustedKeys::read(config.models.trusted_keys, config.models.require_signature);
    if (!trusted) return trusted.error();
    base.trusted_keys = std::move(*trusted);
    base.metrics = std::make_unique<telemetry::Metrics>();
    base.feed = std::make_unique<events::Feed>();
    auto database = open_database(config, *base.feed, log, *base.metrics);
    if (!database) return database.error();
    base.database = std::move(*database);
    base.files = std::make_unique<async::ThreadPool>("files", config.blobs.files_threads, files_queue);
    blobs::BlobOptions blob_options;
    blob_options.min_free = config.jobs.min_free_bytes;
    blob_options.folder = config.data / "blobs";
    auto blobs = blobs::BlobStore::open(blob_options, *base.files, log, *base.metrics);
    if (!blobs) return blobs.error();
    base.blobs = std::move(*blobs);
    blob_options.folder = config.data / "models";
    auto model_files = blobs::BlobStore::open(blob_options, *base.files, log, *base.metrics);
    if (!model_files) return model_files.error();
    base.model_files = std::move(*model_files);
    auto cache = cache::open_lmdb({.folder = config.data / "cache"}, SystemClock::instance(), log, *base.metrics);
    if (!cache) return cache.error();
    base.cache = std::move(*cache);
    base.io = std::make_unique<async::IoPool>("io", config.http.io_threads);
    base.upkeep = std::make_unique<upkeep::Upkeep>(*base.clock, log, *base.metrics);
    return base;
}

bool Foundations::keeps_strays() const {
    std::error_code ignored;
    return std::filesystem::exists(config.data / "damage.accepted", ignored);
}

} // namespace millrace::app
