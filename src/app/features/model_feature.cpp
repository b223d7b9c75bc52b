#include "app/features/model_feature.hpp"

#include "api/models/model_engine_routes.hpp"
#include "api/models/model_routes.hpp"
#include "api/models/traffic_routes.hpp"
#include "api/openai/openai_routes.hpp"
#include "api/predict/predict_routes.hpp"
#include "api/protocol/protocol_routes.hpp"
#include "events/event_log.hpp"
#include "models/chain_runner.hpp"
#include "models/model_repository.hpp"
#include "models/prediction_cache.hpp"

#include <fmt/format.h>

namespace millrace::app {
namespace {

// `auto` is what the machine has. A runtime that could use a GPU where none is would else be slow for no reason that is
// told.
std::vector<std::string> devices_of(const config::InferenceConfig& config, telemetry::Log& log) {
    if (config.devices != std::vector<std::string>{"auto"}) return config.devices;
    auto found = inference::find_devices(config.runtime);
    if (config.enabled && found.size() == 1 && inference::has_cuda(config.runtime))
        log.info("no GPU was found: models run on the processor", {{"looked_for", "/dev/nvidia0"}});
    return found;
}

// Asks the machine for its devices where the configuration says `auto`.
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

} // namespace

ModelFeature::ModelFeature(Foundations& base, BlobFeature& blobs)
    : base_{base},
      blobs_{blobs},
      engine_{engine_options(base.config.inference, *base.log,
                             [this](const auto& change) { write_quarantine(change); }),
              *base.log, *base.metrics},
      trial_{models::engine_trial(engine_)},
      registry_{*base.database, *base.feed,  *base.model_files, *trial_,
                *base.files,    *base.clock, *base.log,         base.trusted_keys},
      runner_{models::chain_runner(
          models::cached_runner(models::engine_runner(engine_), *base.cache, *base.files,
                                [this](const auto& model, bool hit, auto took) {
                                    engine_.count_cache(model, hit, took);
                                }),
          [this](auto organization, const auto& step) { return registry_.resolve_step(organization, step); },
          base.io->at(0).get_executor())},
      breakers_{*base.clock, *base.log},
      version_stats_{*base.database, *base.clock, *base.log},
      rollout_{*base.database, *base.feed, registry_, *runner_, *base.clock, *base.log, *base.metrics},
      feedback_{*base.database},
      serving_{registry_, *runner_, breakers_, version_stats_, rollout_, *base.clock, *base.metrics},
      infer_{serving_, *base.blobs, blobs.catalog(), *base.files, *base.clock, [this] { return no_engine(); }} {
    tell_of_damage();
}

void ModelFeature::add_routes(http::Router& router) {
    api::add_model_routes(router, registry_, engine_);
    api::add_model_engine_routes(router, registry_, engine_);
    api::add_predict_routes(router, serving_, *base_.blobs, blobs_.catalog(),
                            std::chrono::hours{base_.config.retention.prediction_files_hours}, *base_.clock);
    api::add_traffic_routes(router, registry_, rollout_, version_stats_, feedback_, breakers_);
    api::add_protocol_routes(router, {registry_, serving_, engine_, *base_.files, [this] { return serves(); }});
    api::add_openai_routes(router, registry_, serving_, *base_.files);
}

Result<void> ModelFeature::load() {
    engine_.start(); // the worker loads its runtime while the rest is read
    if (base_.keeps_strays()) registry_.leave_strays();
    if (auto loaded = registry_.load_blocking(); !loaded) return loaded;
    if (auto loaded = rollout_.load_blocking(); !loaded) return loaded;
    return version_stats_.load_blocking();
}

void ModelFeature::start() {
    version_stats_.start(base_.io->at(0));
    rollout_.start(base_.io->at(0));
}

void ModelFeature::stop(std::chrono::milliseconds) {
    engine_.stop();
    version_stats_.stop();
    rollout_.stop();
}

bool ModelFeature::serves() const {
    return base_.readiness().reasons.empty() && engine_.status().state != "unavailable";
}

std::string ModelFeature::no_engine() const {
    const auto worker = engine_.status();
    if (worker.state == "ready") return {};
    return fmt::format("the inference worker is {}{}", worker.state, worker.reason.empty() ? "" : ": " + worker.reason);
}

void ModelFeature::report(api::Readiness& readiness) const {
    auto& [reasons, degraded] = readiness;
    const auto& config = base_.config.inference;
    if (!config.enabled) return;
    const auto worker = engine_.status();
    if (worker.state == "unavailable")
        // Without a runtime the daemon is a job queue, as it was installed. With one, something is broken that somebody
        // has to mend.
        (config.runtime.empty() ? degraded : reasons)
            .push_back("predictions are refused, the inference worker is unavailable: " + worker.reason);
    else if (worker.state != "ready")
        degraded.push_back(
            fmt::format("predictions wait, the inference worker is {}: {}", worker.state, worker.reason));
    for (const auto& device : worker.devices)
        if (worker.state == "ready" && device.model.empty() &&
            (device.state == "restarting" || device.state == "unavailable"))
            degraded.push_back(fmt::format("the worker for {} is {}: {}", device.device, device.state, device.reason));
    // Whoever asks may be a stranger: whose and which they are is told by the status.
    if (const auto held = worker.quarantine.size(); held > 0)
        degraded.push_back(
            fmt::format("{} in quarantine: inputs, models or organisations that keep ending workers", held));
}

// A damaged file is an event of every organisation that has a model of it.
void ModelFeature::tell_of_damage() {
    base_.model_files->on_damage([this](const std::string& sha256) {
        events::post_events(*base_.database, [sha256, at = base_.clock->now()](store::SystemSession& session) {
            for (const auto& user : models::users_of_file(session, sha256))
                events::write_event(session, user.organization, "model.damaged",
                                    user.model + "/" + std::to_string(user.version), {{"sha256", sha256}}, at);
        });
    });
}

void ModelFeature::write_quarantine(const inference::QuarantineStatus& change) {
    const bool organization = change.kind == "organization";
    json::object data{{"kind", change.kind},
                      {"model", change.model},
                      {"version", change.version},
                      {"workers_ended", change.workers_ended},
                      {"reason", change.reason}};
    if (!change.input.empty()) data["input"] = change.input;
    if (change.held) data["until"] = change.until.text();
    events::post_event(*base_.database, change.organization, change.held ? "quarantine.begun" : "quarantine.lifted",
                       organization ? change.organization.text() : change.model + "/" + change.version, std::move(data),
                       base_.clock->now());
}

} // namespace millrace::app
