// Where models are loaded, and how they leave: on first use or when asked, out again when asked, when no longer named,
// or when another model needs the memory and this one was used the longest time ago.
#include "inference/engine/scheduler.hpp"

#include "inference/engine/model_files.hpp"

#include <sys/stat.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

namespace millrace::inference {
namespace {

// Before a model that could not be loaded is tried again; one whose file is another since is tried at once.
constexpr std::chrono::seconds load_failure_lasts{10};
constexpr std::chrono::seconds least_stay{
    1}; // of a model for which others wait, so that two do not chase each other out
constexpr std::chrono::seconds leaving_takes{60}; // at most, while it is still used

Monotonic now() { return std::chrono::steady_clock::now(); }

// Tells a file from the one that was there before: pushed again after it was lost. 0: there is none.
std::uint64_t stamp_of(const std::filesystem::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) return 0;
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15; // spreads the bits
    const auto changed = static_cast<std::uint64_t>(info.st_ctim.tv_sec) * 1'000'000'000 +
                         static_cast<std::uint64_t>(info.st_ctim.tv_nsec);
    return (static_cast<std::uint64_t>(info.st_ino) * odd ^ changed) * odd | 1;
}

std::uint64_t file_size(const Descriptor& file) {
    struct stat info {};
    return ::fstat(file.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

} // namespace

void Scheduler::load(const std::shared_ptr<const ModelVersion>& version, ModelEntry::LoadDone done) {
    if (stopping_) return done(Error{Code::unavailable, "the service is stopping"});
    lift_quarantine(*version);
    auto& entry = entry_of(version);
    seat(entry);
    entry.loading.push_back(std::move(done));
    entry.load_deadline = now() + options_.start_timeout + options_.load_timeout;
    for (const auto& device : devices_) {
        if (device->state_of(entry.key) == Residence::State::failed)
            device->models.erase(entry.key); // asked for: tried at once
        load_on(*device, entry);
    }
    tell_load(entry);
    arm_tick();
    publish();
}

void Scheduler::unload(const std::shared_ptr<const ModelVersion>& version, ModelEntry::UnloadDone done) {
    if (stopping_) return done(success());
    auto& entry = entry_of(version);
    entry.leaving.push_back(std::move(done));
    entry.leave_deadline = now() + leaving_takes;
    for (const auto& device : devices_) let_go(*device);
    tell_unload(entry);
    arm_tick();
    publish();
}

bool Scheduler::is_wanted(const ModelEntry& entry) const {
    return batcher_.waiting(entry.key) > 0 || !entry.loading.empty();
}

// Is there a device that may still come to serve it?
bool Scheduler::has_hope(const ModelEntry& entry) const {
    const auto is_its = [&](const auto& each) {
        return each->role != DeviceWorker::Role::suspects && serves(*each, entry);
    };
    if (entry.own && std::ranges::none_of(devices_, is_its)) return true; // it waits for a place
    return std::ranges::any_of(devices_, [&](const auto& each) {
        return is_its(each) && !each->standby && !each->unavailable() &&
               each->state_of(entry.key) != Residence::State::failed;
    });
}

bool Scheduler::must_be_quiet(const DeviceWorker& device) {
    return has_suspects_ && std::ranges::any_of(models_.all(), [&](const auto* entry) {
               const auto state = device.state_of(entry->key);
               return entry->suspect && serves(device, *entry) &&
                      (state == Residence::State::loading || (state == Residence::State::absent && is_wanted(*entry)));
           });
}

void Scheduler::load_wanted(DeviceWorker& device) {
    for (auto* entry : models_.all())
        if (is_wanted(*entry)) load_on(device, *entry);
}

void Scheduler::load_on(DeviceWorker& device, ModelEntry& entry) {
    if (!device.ready() || !serves(device, entry)) return; // asked again when it is ready
    auto& residence = device.models[entry.key];
    const auto at = now();
    using State = Residence::State;
    if (residence.state == State::failed &&
        (at - residence.failed_at >= load_failure_lasts || stamp_of(entry.version->file) != residence.failed_file))
        residence.state = State::absent;
    if (residence.state == State::failed && !has_hope(entry))
        return fail(batcher_.take_all(entry.key), {FailureReason::model_failed, residence.error, false});
    if (residence.state != State::absent) return;
    const bool loads =
        std::ranges::any_of(device.models, [](const auto& each) { return each.second.state == State::loading; });
    if (entry.suspect ? loads || !device.flights.empty() : must_be_quiet(device))
        return; // asked again by the next tick
    auto files = open_model_files(*entry.version);
    frame::Loaded refusal;
    refusal.model = entry.key;
    const auto bytes = std::max(entry.memory_bytes, files ? file_size(files->front()) : 0);
    if (!files) refusal.error = files.error().detail;
    else if (device.memory_budget > 0 && bytes > device.memory_budget)
        refusal.error =
            fmt::format("the model needs {} MiB, all models together may take {} MiB (inference.model_memory_bytes)",
                        bytes >> 20, device.memory_budget >> 20);
    if (!refusal.error.empty()) return on_loaded(device, refusal);
    if (!make_room(device, entry, bytes)) return; // asked again when another has left
    residence.state = State::loading;
    residence.memory_bytes = bytes;
    residence.load_deadline = at + options_.load_timeout;
    device.supervisor->send(load_message(entry.key, *entry.version), std::move(*files));
    arm_tick();
}

// True when `bytes` more fit now. Otherwise the models that were used the longest time ago are on their way out.
bool Scheduler::make_room(DeviceWorker& device, const ModelEntry& entry, std::uint64_t bytes) {
    if (device.memory_budget == 0) return true;
    const auto at = now();
    auto needed = device.model_bytes() + bytes;
    if (needed <= device.memory_budget) return true;
    std::vector<std::pair<Monotonic, Batcher::ModelKey>> candidates;
    for (const auto& [key, each] : device.models) {
        if (each.state == Residence::State::leaving || (each.state == Residence::State::ready && each.evicted))
            needed -= each.memory_bytes;
        else if (each.state == Residence::State::ready && key != entry.key &&
                 (batcher_.waiting(key) == 0 || at - each.loaded_at >= least_stay))
            candidates.emplace_back(each.used_at, key);
    }
    std::ranges::sort(candidates);
    for (const auto& [used_at, key] : candidates) {
        if (needed <= device.memory_budget) break;
        needed -= device.models.at(key).memory_bytes;
        evict(device, key);
    }
    return false;
}

void Scheduler::evict(DeviceWorker& device, Batcher::ModelKey key) {
    device.models.at(key).evicted = true;
    log_.info("model evicted", {{"model", models_.find(key)->title()},
                                {"device", device.device},
                                {"memory_bytes", device.models.at(key).memory_bytes}});
    send_away(device, key);
}

void Scheduler::send_away(DeviceWorker& device, Batcher::ModelKey key) {
    auto& residence = device.models.at(key);
    if (residence.state != Residence::State::ready || device.busy_with(key)) return;
    residence.state = Residence::State::leaving;
    device.supervisor->send(frame::Unload{key});
}

void Scheduler::let_go(DeviceWorker& device) {
    for (auto& [key, residence] : device.models) {
        if (residence.state != Residence::State::ready) continue;
        const auto& entry = *models_.find(key);
        const bool asked = !entry.leaving.empty() && batcher_.waiting(key) == 0;
        const bool moved = entry.own && device.role == DeviceWorker::Role::shared;
        if (residence.evicted || asked || moved) send_away(device, key);
    }
}

// A worker in which others took the memory, and kept it, loads nothing any more: it is replaced, and the model loaded
// there. Once in ten minutes for a model, which may be too large for any worker, and once a minute in all.
bool Scheduler::renew(DeviceWorker& device, ModelEntry& entry, const std::string& error) {
    constexpr std::chrono::minutes often{1}, often_for_one{10};
    constexpr std::array words{"bad_alloc", "allocate memory", "out of memory", "not enough memory"};
    if (std::ranges::none_of(words, [&](const char* word) { return error.find(word) != error.npos; })) return false;
    const auto at = now();
    if (device.used_at <= device.renewed_at || at - device.renewed_at < often || at - entry.renewed_at < often_for_one)
        return false;
    device.renewed_at = entry.renewed_at = at;
    device.models.erase(entry.key);
    kill_for(device, entry, "a model could not be loaded for want of memory");
    return true;
}

void Scheduler::on_loaded(DeviceWorker& device, const frame::Loaded& loaded) {
    auto* entry = models_.find(loaded.model);
    if (!entry || renew(device, *entry, loaded.error)) return;
    auto& residence = device.models[entry->key];
    if (std::exchange(entry->suspect, false)) // whatever came of it, the worker is still there
        has_suspects_ = std::ranges::any_of(models_.all(), [](const auto* each) { return each->suspect; });
    if (!loaded.error.empty()) {
        residence = {};
        residence.state = Residence::State::failed;
        residence.error = loaded.error;
        residence.failed_at = now();
        residence.failed_file = stamp_of(entry->version->file);
        log_.error("model not loaded",
                   {{"model", entry->title()}, {"device", device.device}, {"reason", loaded.error}});
        if (!has_hope(*entry)) fail(batcher_.take_all(entry->key), {FailureReason::model_failed, loaded.error, false});
    } else {
        residence.state = Residence::State::ready;
        residence.report = report_of(loaded);
        residence.loaded_at = residence.used_at = now();
        residence.memory_bytes =
            std::max(residence.memory_bytes, loaded.memory_bytes); // what was estimated is at least there
        entry->memory_bytes = std::max(entry->memory_bytes, residence.memory_bytes);
        log_.info("model loaded", {{"model", entry->title()},
                                   {"device", device.device},
                                   {"load_ms", loaded.load_ms},
                                   {"forward_ms", loaded.warm_up_ms},
                                   {"memory_bytes", residence.memory_bytes},
                                   {"form", loaded.optimization},
                                   {"threads", loaded.threads},
                                   {"note", loaded.note}});
        (void)make_room(device, *entry, 0); // it may have taken more than was estimated
    }
    publish(); // before anyone is told
    tell_load(*entry);
    dispatch();
    let_go(device);
    publish();
}

void Scheduler::on_unloaded(DeviceWorker& device, const frame::Unloaded& unloaded) {
    auto* entry = models_.find(unloaded.model);
    if (!entry || device.state_of(unloaded.model) != Residence::State::leaving) return;
    device.models.erase(unloaded.model);
    if (device.role == DeviceWorker::Role::own && !is_wanted(*entry)) release(device); // its process is what it leaves
    log_.info("model unloaded",
              {{"model", entry->title()}, {"device", device.device}, {"worker_memory_bytes", unloaded.own_bytes}});
    publish(); // before anyone is told
    tell_unload(*entry);
    load_wanted(device);
    publish();
}

// Decided when no device that works is still to load it.
void Scheduler::tell_load(ModelEntry& entry) {
    if (entry.loading.empty()) return;
    Error error{Code::unavailable, "no device can be used"};
    std::optional<CheckReport> report;
    bool starting = false;
    bool open = entry.own && std::ranges::none_of(devices_, [&](const auto& each) {
                    return serves(*each, entry);
                }); // it waits for a place
    for (const auto& device : devices_) {
        if (device->standby || device->role == DeviceWorker::Role::suspects || !serves(*device, entry)) continue;
        if (!device->ready()) {
            if (device->unavailable())
                error = {Code::unavailable, "inference is not available: " + device->supervisor->reason()};
            else starting = true;
            continue;
        }
        const auto state = device->state_of(entry.key);
        if (state == Residence::State::ready) report = device->models.at(entry.key).report;
        else if (state == Residence::State::failed) error = {Code::unprocessable, device->models.at(entry.key).error};
        else open = true;
    }
    if (open || (starting && !report)) return;
    const auto outcome = report ? Result<CheckReport>{*report} : Result<CheckReport>{error};
    for (auto& done : std::exchange(entry.loading, {})) done(outcome);
}

void Scheduler::tell_unload(ModelEntry& entry) {
    const auto gone = [&](const auto& device) {
        const auto state = device->state_of(entry.key);
        return state == Residence::State::absent || state == Residence::State::failed;
    };
    if (entry.leaving.empty() || batcher_.waiting(entry.key) > 0 || !std::ranges::all_of(devices_, gone)) return;
    for (auto& done : std::exchange(entry.leaving, {})) done(success());
}

void Scheduler::end_waits(ModelEntry& entry, Monotonic at) {
    if (at >= entry.load_deadline)
        for (auto& done : std::exchange(entry.loading, {}))
            done(Error{Code::timed_out, "the model was not loaded in time; see the daemon's log"});
    if (at >= entry.leave_deadline)
        for (auto& done : std::exchange(entry.leaving, {}))
            done(Error{Code::conflict, "the model is still being used; it stays loaded"});
}

} // namespace millrace::inference
