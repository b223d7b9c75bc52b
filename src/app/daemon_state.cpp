// What the daemon says of itself: whether it is ready, and events of what it found damaged or held back.
#include "app/daemon.hpp"
#include "app/options.hpp"
#include "jobs/events.hpp"
#include "models/model_repository.hpp"

#include <fmt/format.h>

namespace millrace::app {

api::Readiness Daemon::readiness() const {
    api::Readiness readiness;
    auto& [reasons, degraded] = readiness;
    if (stopping_) reasons.push_back("stopping");
    if (auto failure = base_.database->failure()) reasons.push_back("the store has stopped: " + *failure);
    if (auto reason = no_room(config_); !reason.empty()) reasons.push_back(std::move(reason));
    if (damaged_)
        degraded.push_back("the database had lost acknowledged work when it was opened, and that was accepted; unset "
                           "store.accept_damage");
    if (!config_.inference.enabled) return readiness;
    const auto worker = engine_.status();
    if (worker.state == "unavailable")
        // Without a runtime the daemon is a job queue, as it was installed. With one, something is broken that somebody
        // has to mend.
        (config_.inference.runtime.empty() ? degraded : reasons)
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
    return readiness;
}

// Of the default organisation: it is the administrator's.
void Daemon::write_accepted_damage(const std::string& what) {
    auto write = [what, at = clock_.now()](store::Session& session) -> Result<void> {
        jobs::write_event(session, values::default_organization, "database.damage_accepted", "millrace.db",
                          {{"what", what}}, at);
        return success();
    };
    base_.database->post_write(std::move(write), [](Result<void>) {});
}

// A damaged file is an event of every organisation that has it.
void Daemon::tell_of_damage() {
    base_.blobs->on_damage([this](const std::string& sha256) {
        auto write = [sha256, at = clock_.now()](store::Session& session) -> Result<void> {
            for (const auto& owner : catalog::owners_of(session, sha256))
                jobs::write_event(session, owner, "blob.damaged", sha256, {}, at);
            return success();
        };
        base_.database->post_write(std::move(write), [](Result<void>) {});
    });
    base_.model_files->on_damage([this](const std::string& sha256) {
        auto write = [sha256, at = clock_.now()](store::Session& session) -> Result<void> {
            for (const auto& user : models::users_of_file(session, sha256))
                jobs::write_event(session, user.organization, "model.damaged",
                                  user.model + "/" + std::to_string(user.version), {{"sha256", sha256}}, at);
            return success();
        };
        base_.database->post_write(std::move(write), [](Result<void>) {});
    });
}

void Daemon::write_quarantine(const inference::QuarantineStatus& change) {
    const bool organization = change.kind == "organization";
    json::object data{{"kind", change.kind},
                      {"model", change.model},
                      {"version", change.version},
                      {"workers_ended", change.workers_ended},
                      {"reason", change.reason}};
    if (!change.input.empty()) data["input"] = change.input;
    if (change.held) data["until"] = change.until.text();
    auto write = [change, subject = organization ? change.organization.text() : change.model + "/" + change.version,
                  data = std::move(data), at = clock_.now()](store::Session& session) -> Result<void> {
        jobs::write_event(session, change.organization, change.held ? "quarantine.begun" : "quarantine.lifted", subject,
                          data, at);
        return success();
    };
    base_.database->post_write(std::move(write), [](Result<void>) {});
}

} // namespace millrace::app
