#include "inference/engine/scheduler.hpp"

#include <algorithm>
#include <set>

namespace millrace::inference {
namespace {

std::string_view word(Residence::State state) {
    switch (state) {
    case Residence::State::absent: return "absent";
    case Residence::State::loading: return "loading";
    case Residence::State::ready: return "ready";
    case Residence::State::leaving: return "unloading";
    case Residence::State::failed: return "failed";
    }
    return "absent";
}

// Where it stands on the device on which it has come furthest.
LoadedModel shown(const ModelEntry& entry, const Devices& devices) {
    constexpr std::array order{Residence::State::absent, Residence::State::failed, Residence::State::leaving,
                               Residence::State::loading, Residence::State::ready};
    const auto rank = [&](Residence::State state) {
        return std::find(order.begin(), order.end(), state) - order.begin();
    };
    LoadedModel model{entry.version, "absent", "", {}, entry.used_at, {}, {}, false};
    auto best = Residence::State::absent;
    model.own_worker = entry.own;
    for (const auto& device : devices) {
        if (device->role == DeviceWorker::Role::suspects) continue;
        const auto found = device->models.find(entry.key);
        if (found == device->models.end()) continue;
        const auto& residence = found->second;
        if (residence.state == Residence::State::ready) model.devices.push_back(device->device);
        if (rank(residence.state) <= rank(best)) continue;
        best = residence.state;
        model.report = residence.report;
        model.report.memory_bytes = residence.memory_bytes;
        model.reason = residence.error;
    }
    model.state = word(best);
    return model;
}

DeviceStatus shown(const DeviceWorker& device, const std::string& model, std::optional<OrganizationId> organization) {
    const auto& supervisor = *device.supervisor;
    return {device.device,
            std::string{name(supervisor.state())},
            supervisor.pid(),
            supervisor.restarts(),
            device.model_bytes(),
            device.memory_budget,
            device.flights.size(),
            supervisor.reason(),
            model,
            organization};
}

} // namespace

void Scheduler::publish() {
    View view;
    auto& status = view.status;
    status.quarantine = quarantine_status();
    for (auto* entry : models_.all()) {
        view.models.push_back(shown(*entry, devices_));
        for (const auto& held : status.quarantine)
            if (held.organization == entry->version->organization && held.model == entry->version->name &&
                held.version == entry->version->version)
                view.models.back().quarantine.push_back(held);
        if (view.models.back().state == "ready") status.models.push_back(entry->title());
    }
    // The first device that works speaks for all, or else the first.
    using Role = DeviceWorker::Role;
    const auto ready = std::find_if(devices_.begin(), devices_.end(),
                                    [](const auto& each) { return each->ready() && each->role == Role::shared; });
    const auto& speaker = *(ready == devices_.end() ? devices_.front() : *ready)->supervisor;
    status.state = name(speaker.state());
    status.pid = speaker.pid();
    status.runtime = speaker.hello().runtime;
    if (!speaker.hello().device.empty()) status.device = speaker.hello().device;
    status.threads = static_cast<int>(speaker.hello().threads);
    status.sandbox = speaker.hello().sandbox;
    status.reason = speaker.reason();
    status.in_flight = pending_.size() - batcher_.size();
    status.queued = batcher_.size();
    for (const auto& device : devices_) {
        status.restarts += device->supervisor->restarts();
        if (device->role == Role::spare) continue;
        const auto* owner = device->role == Role::own ? models_.find(device->owner) : nullptr;
        const auto model = owner ? owner->title() : device->role == Role::suspects ? "suspects" : "";
        status.devices.push_back(
            shown(*device, model, owner ? std::optional{owner->version->organization} : std::nullopt));
    }
    *view_.lock() = std::move(view);
}

WorkerStatus Scheduler::status() const { return view_.lock()->status; }
std::vector<LoadedModel> Scheduler::models() const { return view_.lock()->models; }

} // namespace millrace::inference
