#include "app/daemon.hpp"

#include "api/gate.hpp"
#include "api/jobs/job_input.hpp"
#include "api/openai/openai_error.hpp"
#include "api/protocol/protocol_error.hpp"
#include "api/service/ui_routes.hpp"
#include "app/options.hpp"
#include "jobs/events.hpp"
#include "models/chain_runner.hpp"
#include "models/prediction_cache.hpp"

#include <boost/beast/http/verb.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace millrace::app {
namespace {

using namespace std::chrono_literals;

// A failure of a route is worth a warning, ten a second. What the server itself refuses, without a key and as fast as
// anybody likes, is not (501 for an unknown method).
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
              {{"id", exchange.request.id},
               {"remote", exchange.request.remote},
               {"who", exchange.request.principal.name},
               {"method", std::string_view{method.data(), method.size()}},
               {"path", exchange.request.path},
               {"status", exchange.status},
               {"bytes", exchange.body_bytes},
               {"ms", std::chrono::duration<double, std::milli>(exchange.took).count()},
               {"left_out", left_out}});
}

} // namespace

Daemon::Daemon(const config::Config& config, telemetry::Log& log, Foundations foundations)
    : config_{config},
      log_{log},
      clock_{SystemClock::instance()},
      started_at_{clock_.now()},
      base_{std::move(foundations)},
      damaged_{!base_.database->stats().damage.empty()},
      io_{"io", config.http.io_threads},
      engine_{engine_options(config.inference, log, [this](const auto& change) { write_quarantine(change); }), log,
              *base_.metrics},
      trial_{models::engine_trial(engine_)},
      registry_{*base_.database, *base_.model_files, *trial_, *base_.files, clock_, log, base_.trusted_keys},
      runner_{models::chain_runner(
          models::cached_runner(models::engine_runner(engine_), *base_.cache, *base_.files,
                                [this](const auto& model, bool hit, auto took) {
                                    engine_.count_cache(model, hit, took);
                                }),
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
      server_{server_options(config),
              router_,
              {api::make_gate(identity_),
               [this, &log](const http::Exchange& exchange) { log_exchange(log, failures_logged_, exchange); },
               [](const http::Request& request, http::Response& response) {
                   api::protocol::speak_protocol(request, response);
                   api::openai::speak_openai(request, response);
                   api::show_page(request, response);
               }},
              io_,
              *base_.files,
              log,
              *base_.metrics} {
    dispatcher_.add(echo_);
    dispatcher_.add(sleep_);
    dispatcher_.add(exec_);
    dispatcher_.add(infer_);
    tell_of_damage();
    if (damaged_) write_accepted_damage(base_.database->stats().damage);
}

Daemon::~Daemon() { drain(); }

Result<void> Daemon::start() {
    if (std::error_code ignored; std::filesystem::exists(config_.data / "damage.accepted", ignored)) {
        log_.warning("files that no row names are kept; remove damage.accepted when they are not wanted any more",
                     {{"folder", config_.data.string()}});
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
        return Error{listening.error().code,
                     listening.error().detail +
                         "; stop what listens there, or choose another address with --listen (http.listen)"};
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

awaitable<void> Daemon::prove_progress() {
    co_await dispatcher_.snapshot();
    auto nothing = [](store::Session&) -> Result<void> { return success(); };
    co_await base_.database->write(std::move(nothing));
}

} // namespace millrace::app
