#include "app/daemon.hpp"

#include "api/blobs/blob_routes.hpp"
#include "api/flows/flow_routes.hpp"
#include "api/gate.hpp"
#include "api/identity/identity_routes.hpp"
#include "api/jobs/job_input.hpp"
#include "api/jobs/job_routes.hpp"
#include "api/jobs/result_routes.hpp"
#include "api/leases/lease_routes.hpp"
#include "api/models/feedback_routes.hpp"
#include "api/models/model_engine_routes.hpp"
#include "api/models/model_routes.hpp"
#include "api/models/traffic_routes.hpp"
#include "api/openai/openai_error.hpp"
#include "api/openai/openai_routes.hpp"
#include "api/predict/predict_routes.hpp"
#include "api/protocol/protocol_error.hpp"
#include "api/protocol/protocol_routes.hpp"
#include "api/queues/dead_letter_routes.hpp"
#include "api/queues/queue_routes.hpp"
#include "api/schedules/schedule_routes.hpp"
#include "api/service/event_routes.hpp"
#include "api/service/service_routes.hpp"
#include "api/service/ui_routes.hpp"
#include "app/descriptor_limit.hpp"
#include "base/version.hpp"
#include "cache/lmdb.hpp"
#include "jobs/events.hpp"
#include "models/chain_runner.hpp"
#include "models/model_repository.hpp"
#include "models/prediction_cache.hpp"
#include "store/sqlite.hpp"

#include <boost/beast/http/verb.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>

#include <unistd.h>

namespace millrace::app {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t files_queue = 4096;

// `auto` is what the machine has. A runtime that could use a GPU where none is would else be slow for no reason that is told.
std::vector<std::string> devices_of(const config::InferenceConfig& config, telemetry::Log& log) {
    if (config.devices != std::vector<std::string>{"auto"}) return config.devices;
    auto found = inference::find_devices(config.runtime);
    if (config.enabled && found.size() == 1 && inference::has_cuda(config.runtime))
        log.info("no GPU was found: models run on the processor", {{"looked_for", "/dev/nvidia0"}});
    return found;
}

inference::EngineOptions engine_options(const config::InferenceConfig& config, telemetry::Log& log,
                                        std::function<void(const inference::QuarantineStatus&)> on_quarantine) {
    inference::EngineOptions options;
    options.enabled = config.enabled;
    options.runtime = config.runtime;
    options.threads = static_cast<int>(config.threads);
    options.devices = devices_of(config, log);
    options.model_memory = config.model_memory_bytes;
    options.memory_limit = config.memory_limit_bytes;
    options.queue_capacity = config.queue_capacity;
    options.cancel_grace = std::chrono::seconds{config.cancel_grace_seconds};
    options.load_timeout = std::chrono::seconds{config.load_timeout_seconds};
    options.own_workers = config.own_workers;
    options.quarantine.first_hold = std::chrono::seconds{config.quarantine_seconds};
    options.on_quarantine = std::move(on_quarantine);
    return options;
}

// By name or id. A name that nobody has yet serves nobody: an organisation that is made later needs a restart.
std::set<OrganizationId> organizations_of(const config::ExecCommand& command, store::Database& database, telemetry::Log& log) {
    auto read = [names = command.organizations](store::Session& session) -> Result<std::set<OrganizationId>> {
        std::set<OrganizationId> found;
        for (auto rows = session.query("SELECT id, name FROM organizations", {}); rows.next();)
            if (std::ranges::any_of(names, [&](const auto& each) { return each == rows.text(0) || each == rows.text(1); })) found.insert(rows.id<OrganizationId>(0));
        return found;
    };
    auto found = database.read_blocking(std::move(read));
    if (found && found->size() < command.organizations.size())
        log.warning("a command names organizations that are not there", {{"command", command.name}, {"found", found->size()}, {"named", command.organizations.size()}});
    return found ? std::move(*found) : std::set<OrganizationId>{};
}

processors::ExecOptions exec_options(const config::Config& config, store::Database& database, telemetry::Log& log) {
    processors::ExecOptions options;
    options.scratch = config.data / "exec";
    options.grace = std::chrono::seconds{config.exec.grace_seconds};
    for (const auto& command : config.exec.commands) {
        options.commands.push_back({command.name, command.command, command.environment, std::chrono::seconds{command.timeout_seconds},
                                    command.memory_bytes, command.max_output_bytes, command.concurrency});
        if (std::ranges::find(command.organizations, "*") == command.organizations.end()) options.commands.back().organizations = organizations_of(command, database, log);
    }
    return options;
}

std::uint64_t resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t pages = 0, resident = 0;
    file >> pages >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t machine_bytes() {
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool disk_is_low(const std::filesystem::path& folder, std::uint64_t least) {
    std::error_code failure;
    const auto space = std::filesystem::space(folder, failure);
    return !failure && space.available < least;
}

// Why no more work is taken, in words; empty: there is room.
std::string no_room(const config::Config& config) {
    if (disk_is_low(config.data, config.jobs.min_free_bytes))
        return fmt::format("the disk is nearly full: less than {} MiB are free in the data folder (jobs.min_free_bytes)", config.jobs.min_free_bytes >> 20);
    const auto most = config.jobs.max_memory_bytes ? config.jobs.max_memory_bytes : machine_bytes() / 2;
    if (resident_bytes() > most) return fmt::format("the daemon has taken more than {} MiB of memory (jobs.max_memory_bytes)", most >> 20);
    return {};
}

jobs::DispatcherOptions dispatcher_options(const config::Config& config) {
    jobs::DispatcherOptions options;
    options.scheduler.concurrency = config.jobs.concurrency;
    options.scheduler.ageing = std::chrono::seconds{config.jobs.ageing_seconds};
    options.max_backlog = config.jobs.max_backlog;
    options.no_room = [config] { return no_room(config); };
    return options;
}

jobs::RetentionOptions retention_options(const config::RetentionConfig& config) {
    using values::JobState;
    jobs::RetentionOptions options;
    const auto keep = [&](JobState state, std::uint32_t days) {
        if (days > 0) options.keep[state] = std::chrono::days{days};
    };
    keep(JobState::succeeded, config.succeeded_days);
    keep(JobState::dead, config.dead_days);
    keep(JobState::cancelled, config.cancelled_days);
    keep(JobState::expired, config.cancelled_days);
    return options;
}

http::ServerOptions server_options(const config::Config& config) {
    http::ServerOptions options;
    options.host = config.http.listen.address;
    options.port = config.http.listen.port;
    options.socket = config.socket;
    options.limits.connections = connections_for(config.http.max_connections, descriptor_limit());
    options.limits.proxies = config.http.trusted_proxies;
    if (const auto cap = config.http.max_connections_per_address) {
        options.limits.connections_per_address = cap;
        options.limits.count_loopback = true;
    }
    return options;
}

// A failure of a route is worth a warning, ten a second. What the server itself refuses, without a key and as fast as anybody
// likes, is not (501 for an unknown method).
void log_exchange(telemetry::Log& log, telemetry::LogLimit& failures, const http::Exchange& exchange) {
    const auto level = exchange.status >= 500 && exchange.route ? telemetry::Level::warning : telemetry::Level::debug;
    if (!log.enabled(level)) return;
    std::uint64_t left_out = 0;
    if (level == telemetry::Level::warning) {
        const auto line = failures.ask();
        if (!line) return;
        left_out = line->left_out;
    }
    const auto method = boost::beast::http::to_string(exchange.request.method);
    log.write(level, "request",
              {{"id", exchange.request.id}, {"remote", exchange.request.remote}, {"who", exchange.request.principal.name},
               {"method", std::string_view{method.data(), method.size()}}, {"path", exchange.request.path}, {"status", exchange.status},
               {"bytes", exchange.body_bytes}, {"ms", std::chrono::duration<double, std::milli>(exchange.took).count()},
               {"left_out", left_out}});
}

} // namespace

Result<Foundations> Foundations::open(const config::Config& config, telemetry::Log& log) {
    using std::filesystem::perms;
    std::error_code failure;
    std::filesystem::create_directories(config.data, failure);
    if (!failure) std::filesystem::permissions(config.data, perms::owner_all | perms::group_read | perms::group_exec, failure);
    if (failure)
        return Error{Code::unavailable, fmt::format("the data folder {} cannot be used: {}; run as the user that owns it, or choose another with --data",
                                                    config.data.string(), failure.message())};

    Foundations base;
    auto trusted = models::TrustedKeys::read(config.models.trusted_keys, config.models.require_signature);
    if (!trusted) return trusted.error();
    base.trusted_keys = std::move(*trusted);
    base.metrics = std::make_unique<telemetry::Metrics>();
    store::SqliteOptions sqlite;
    sqlite.data = config.data;
    sqlite.readers = config.store.readers;
    sqlite.write_queue = config.store.queue_capacity;
    sqlite.accept_damage = config.store.accept_damage;
    // A store that failed to flush takes nothing more until it is opened again (an fsync is never retried): stop in
    // order, so that the service manager starts the daemon anew.
    sqlite.on_failure = [](const std::string&) { ::kill(::getpid(), SIGTERM); };
    auto database = store::open_sqlite(sqlite, log, *base.metrics);
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
    return base;
}

Daemon::Daemon(const config::Config& config, telemetry::Log& log, Foundations foundations)
    : config_{config}, log_{log}, clock_{SystemClock::instance()}, started_at_{clock_.now()}, base_{std::move(foundations)},
      damaged_{!base_.database->stats().damage.empty()},
      io_{"io", config.http.io_threads},
      engine_{engine_options(config.inference, log, [this](const auto& change) { write_quarantine(change); }), log, *base_.metrics},
      trial_{models::engine_trial(engine_)},
      registry_{*base_.database, *base_.model_files, *trial_, *base_.files, clock_, log, base_.trusted_keys},
      runner_{models::chain_runner(models::cached_runner(models::engine_runner(engine_), *base_.cache, *base_.files,
                                                         [this](const auto& model, bool hit, auto took) { engine_.count_cache(model, hit, took); }),
                                   [this](auto organization, const auto& step) { return registry_.resolve_step(organization, step); },
                                   io_.at(0).get_executor())},
      breakers_{clock_, log},
      version_stats_{*base_.database, clock_, log},
      rollout_{*base_.database, registry_, *runner_, clock_, log, *base_.metrics, jobs::write_event},
      feedback_{*base_.database},
      serving_{registry_, *runner_, breakers_, version_stats_, rollout_, clock_, *base_.metrics},
      catalog_{*base_.database, clock_},
      blob_sweeper_{*base_.database, *base_.blobs, *base_.files, clock_, log, *base_.metrics},
      identity_{*base_.database, clock_, log},
      exec_{exec_options(config, *base_.database, log), *base_.files},
      infer_{serving_, *base_.blobs, catalog_, *base_.files, clock_},
      dispatcher_{*base_.database, clock_, log, *base_.metrics, dispatcher_options(config)},
      jobs_{*base_.database, dispatcher_, clock_, *base_.files},
      queues_{*base_.database, dispatcher_, clock_},
      dead_letters_{*base_.database, dispatcher_, clock_},
      leases_{*base_.database, dispatcher_, clock_},
      flows_{*base_.database, jobs_, dispatcher_, clock_, *base_.files},
      submitter_{jobs::submit_to(jobs_)},
      schedules_{*base_.database, *submitter_, api::read_new_job_text, clock_, log, *base_.metrics},
      retention_{*base_.database, clock_, log, *base_.metrics, retention_options(config.retention)},
      router_{routes()},
      server_{server_options(config), router_,
              {api::make_gate(identity_), [this, &log](const http::Exchange& exchange) { log_exchange(log, failures_logged_, exchange); },
               [](const http::Request& request, http::Response& response) {
                   api::protocol::speak_protocol(request, response);
                   api::openai::speak_openai(request, response);
                   api::show_page(request, response);
               }},
              io_, *base_.files, log, *base_.metrics} {
    dispatcher_.add(echo_);
    dispatcher_.add(sleep_);
    dispatcher_.add(exec_);
    dispatcher_.add(infer_);
    tell_of_damage();
    if (damaged_) write_accepted_damage(base_.database->stats().damage);
}

Daemon::~Daemon() { drain(); }

http::Router Daemon::routes() {
    http::Router router;
    const auto max_upload = config_.http.max_body_bytes;
    api::add_service_routes(router, {std::string{version()}, started_at_, config_.data, [this] { return readiness(); }}, dispatcher_, engine_,
                            *base_.database, *base_.metrics, clock_);
    api::add_identity_routes(router, identity_);
    api::add_job_routes(router, jobs_, *base_.blobs, clock_, max_upload, *base_.files);
    api::add_result_routes(router, jobs_, *base_.cache);
    api::add_queue_routes(router, queues_, dispatcher_);
    api::add_dead_letter_routes(router, dead_letters_, clock_);
    api::add_lease_routes(router, leases_);
    api::add_flow_routes(router, flows_, *base_.files);
    api::add_schedule_routes(router, schedules_);
    api::add_event_routes(router, *base_.database);
    api::add_model_routes(router, registry_, engine_);
    api::add_model_engine_routes(router, registry_, engine_);
    api::add_predict_routes(router, serving_, *base_.blobs, catalog_, std::chrono::hours{config_.retention.prediction_files_hours}, clock_);
    api::add_traffic_routes(router, registry_, rollout_, version_stats_, feedback_, breakers_);
    api::add_feedback_routes(router, jobs_, feedback_, clock_);
    api::add_protocol_routes(router, {registry_, serving_, engine_, *base_.files, [this] { return readiness().reasons.empty() && engine_.status().state != "unavailable"; }});
    api::add_openai_routes(router, registry_, serving_, *base_.files);
    api::add_blob_routes(router, *base_.blobs, catalog_, blob_sweeper_, max_upload);
    api::add_ui_routes(router);
    return router;
}

Result<void> Daemon::start() {
    if (std::error_code ignored; std::filesystem::exists(config_.data / "damage.accepted", ignored)) {
        log_.warning("files that no row names are kept; remove damage.accepted when they are not wanted any more", {{"folder", config_.data.string()}});
        blob_sweeper_.leave_strays();
        registry_.leave_strays();
    }
    engine_.start(); // first: the worker loads its runtime while the queue is rebuilt
    if (auto loaded = identity_.load_blocking(); !loaded) return loaded;
    if (auto loaded = registry_.load_blocking(); !loaded) return loaded;
    if (auto loaded = rollout_.load_blocking(); !loaded) return loaded;
    if (auto loaded = version_stats_.load_blocking(); !loaded) return loaded;
    if (auto recovered = dispatcher_.recover(); !recovered) return recovered;
    if (auto listening = server_.listen(); !listening)
        return Error{listening.error().code, listening.error().detail + "; stop what listens there, or choose another address with --listen (http.listen)"};
    dispatcher_.start();
    schedules_.start();
    retention_.start(io_.at(0));
    blob_sweeper_.start(io_.at(0));
    version_stats_.start(io_.at(0));
    rollout_.start(io_.at(0));
    return success();
}

void Daemon::drain() {
    if (drained_.exchange(true)) return;
    stopping_ = true;
    const auto patience = std::chrono::seconds{config_.jobs.drain_seconds};
    dispatcher_.dismiss_workers();
    server_.drain(std::min<std::chrono::milliseconds>(patience, 5s));
    schedules_.stop();
    retention_.stop();
    blob_sweeper_.stop();
    dispatcher_.stop(patience);
    engine_.stop();
    version_stats_.stop();
    rollout_.stop();
    base_.database->close();
    base_.files->close();
    io_.stop();
}

api::Readiness Daemon::readiness() const {
    api::Readiness readiness;
    auto& [reasons, degraded] = readiness;
    if (stopping_) reasons.push_back("stopping");
    if (auto failure = base_.database->failure()) reasons.push_back("the store has stopped: " + *failure);
    if (auto reason = no_room(config_); !reason.empty()) reasons.push_back(std::move(reason));
    if (damaged_) degraded.push_back("the database had lost acknowledged work when it was opened, and that was accepted; unset store.accept_damage");
    if (!config_.inference.enabled) return readiness;
    const auto worker = engine_.status();
    if (worker.state == "unavailable")
        // Without a runtime the daemon is a job queue, as it was installed. With one, something is broken that somebody has to mend.
        (config_.inference.runtime.empty() ? degraded : reasons).push_back("predictions are refused, the inference worker is unavailable: " + worker.reason);
    else if (worker.state != "ready")
        degraded.push_back(fmt::format("predictions wait, the inference worker is {}: {}", worker.state, worker.reason));
    for (const auto& device : worker.devices)
        if (worker.state == "ready" && device.model.empty() && (device.state == "restarting" || device.state == "unavailable"))
            degraded.push_back(fmt::format("the worker for {} is {}: {}", device.device, device.state, device.reason));
    // Whoever asks may be a stranger: whose and which they are is told by the status.
    if (const auto held = worker.quarantine.size(); held > 0)
        degraded.push_back(fmt::format("{} in quarantine: inputs, models or organisations that keep ending workers", held));
    return readiness;
}

// Of the default organisation: it is the administrator's.
void Daemon::write_accepted_damage(const std::string& what) {
    auto write = [what, at = clock_.now()](store::Session& session) -> Result<void> {
        jobs::write_event(session, values::default_organization, "database.damage_accepted", "millrace.db", {{"what", what}}, at);
        return success();
    };
    base_.database->post_write(std::move(write), [](Result<void>) {});
}

// A damaged file is an event of every organisation that has it.
void Daemon::tell_of_damage() {
    base_.blobs->on_damage([this](const std::string& sha256) {
        auto write = [sha256, at = clock_.now()](store::Session& session) -> Result<void> {
            for (const auto& owner : catalog::owners_of(session, sha256)) jobs::write_event(session, owner, "blob.damaged", sha256, {}, at);
            return success();
        };
        base_.database->post_write(std::move(write), [](Result<void>) {});
    });
    base_.model_files->on_damage([this](const std::string& sha256) {
        auto write = [sha256, at = clock_.now()](store::Session& session) -> Result<void> {
            for (const auto& user : models::users_of_file(session, sha256))
                jobs::write_event(session, user.organization, "model.damaged", user.model + "/" + std::to_string(user.version), {{"sha256", sha256}}, at);
            return success();
        };
        base_.database->post_write(std::move(write), [](Result<void>) {});
    });
}

void Daemon::write_quarantine(const inference::QuarantineStatus& change) {
    const bool organization = change.kind == "organization";
    json::object data{{"kind", change.kind}, {"model", change.model}, {"version", change.version}, {"workers_ended", change.workers_ended}, {"reason", change.reason}};
    if (!change.input.empty()) data["input"] = change.input;
    if (change.held) data["until"] = change.until.text();
    auto write = [change, subject = organization ? change.organization.text() : change.model + "/" + change.version, data = std::move(data),
                  at = clock_.now()](store::Session& session) -> Result<void> {
        jobs::write_event(session, change.organization, change.held ? "quarantine.begun" : "quarantine.lifted", subject, data, at);
        return success();
    };
    base_.database->post_write(std::move(write), [](Result<void>) {});
}

awaitable<void> Daemon::prove_progress() {
    co_await dispatcher_.snapshot();
    auto nothing = [](store::Session&) -> Result<void> { return success(); };
    co_await base_.database->write(std::move(nothing));
}

} // namespace millrace::app
