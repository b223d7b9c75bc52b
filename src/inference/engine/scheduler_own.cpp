// Workers of their own: for models that ask for one (isolation: own), for those that ended a worker lately, and one in
// which what may have ended a worker is run again alone. Started when they are needed, ended when they are not, a few
// at most.
#include "inference/engine/scheduler.hpp"

#include <algorithm>
#include <ranges>
#include <set>

namespace millrace::inference {
namespace {

using Role = DeviceWorker::Role;

constexpr std::chrono::seconds look_every{2};       // for what is no longer needed
constexpr std::chrono::seconds idle_before_end{10}; // of a worker whose model is not loaded, or of the suspects'
constexpr std::chrono::seconds quiet_before_return{
    30}; // of a model that goes back to the shared worker: nobody waits while it is loaded there
constexpr std::chrono::seconds long_for_troubled{1}; // a pass of a model that ended a worker lately: it may hang
constexpr int nice_of_long = 10;

Monotonic now() { return std::chrono::steady_clock::now(); }

} // namespace

DeviceWorker& Scheduler::add_device(const std::string& name, DeviceWorker::Role role) {
    auto& device = *devices_.emplace_back(std::make_unique<DeviceWorker>());
    device.device = name;
    device.role = role;
    device.memory_budget = options_.model_memory;
    auto of_device = spawn_;
    of_device.device = name;
    const auto cpus = static_cast<int>(std::ranges::count(options_.devices, std::string{"cpu"}));
    if (name == "cpu") of_device.threads = std::max(1, spawn_.threads / std::max(1, cpus));
    const SupervisorOptions options{of_device,
                                    options_.start_timeout,
                                    options_.heartbeat_timeout,
                                    options_.first_backoff,
                                    options_.longest_backoff,
                                    options_.leftover_window};
    device.supervisor = std::make_unique<Supervisor>(loop_, options, log_, metrics_, events_of(device));
    return device;
}

bool Scheduler::serves(const DeviceWorker& device, const ModelEntry& entry) const {
    switch (device.role) {
    case Role::shared: return !entry.own;
    case Role::own: return device.owner == entry.key;
    case Role::suspects: return !entry.own && batcher_.waiting_alone(entry.key) > 0;
    case Role::spare: return false;
    }
    return false;
}

// Where suspects have a worker, the shared ones never run empty for them.
Batcher::Offer Scheduler::offer(const DeviceWorker& device, Batcher::ModelKey model, Monotonic at) const {
    if (!serves(device, *models_.find(model))) return Batcher::Room::none;
    const bool is_for_suspects = device.role == Role::suspects;
    return {device.room(model, at), !is_for_suspects, device.role != Role::shared || !has_worker_for_suspects()};
}

bool Scheduler::has_worker_for_suspects() const { return options_.own_workers > 0 && !suspects_worker_failed_; }

// Gives the model workers of its own, where it is to have them.
void Scheduler::seat(ModelEntry& entry) {
    if (options_.own_workers == 0) return;
    const auto& version = *entry.version;
    const bool asks = version.manifest->isolation == values::Isolation::own;
    if (!entry.own && !asks && !quarantine_.is_troubled({version.organization, version.name, version.version}, now()))
        return;
    entry.own = true; // it leaves the shared workers when nothing of it is under way there
    std::set<std::string> names;
    for (const auto& device : devices_)
        if (device->role == Role::shared && !device->standby) names.insert(device->device);
    for (const auto& name : names) {
        const auto has = [&](const auto& each) {
            return each->role == Role::own && each->device == name && each->owner == entry.key;
        };
        if (std::ranges::any_of(devices_, has)) continue;
        auto* place = place_for(name);
        if (!place) continue; // asked again by the tick
        place->role = Role::own;
        place->owner = entry.key;
        place->used_at = now();
        log_.info("a model gets a worker of its own",
                  {{"model", entry.title()}, {"device", name}, {"because", asks ? "isolation: own" : "it ended one"}});
        place->supervisor->start();
    }
    arm_own();
}

// What hangs uses the processor until its time is over. In a worker of its own it does not have to take that from
// others.
void Scheduler::calm(DeviceWorker& device, Monotonic at) {
    if (device.role != Role::own || models_.find(device.owner)->version->manifest->isolation == values::Isolation::own)
        return;
    const auto is_long = [&](const auto& each) {
        return each.second.begun && at - *each.second.begun > long_for_troubled;
    };
    if (std::ranges::any_of(device.flights, is_long)) device.supervisor->lower_priority(nice_of_long);
}

void Scheduler::seat_suspects() {
    if (!has_worker_for_suspects()) return;
    if (std::ranges::any_of(devices_, [](const auto& each) { return each->role == Role::suspects; })) return;
    const auto shared = std::ranges::find_if(devices_, [](const auto& each) {
        return each->role == Role::shared && !each->standby && !each->unavailable();
    });
    if (shared == devices_.end()) return;
    const auto name = (*shared)->device;
    // Beside the places for models: one more.
    const auto spare = std::ranges::find_if(devices_, [&](const auto& each) {
        return each->role == Role::spare && each->device == name;
    });
    auto& device = spare != devices_.end() ? **spare : add_device(name, Role::spare);
    device.role = Role::suspects;
    device.used_at = now();
    device.supervisor->start();
    arm_own();
}

// A place that is free, or that a model which nobody uses now can leave; null when all are in use.
DeviceWorker* Scheduler::place_for(const std::string& device_name) {
    std::size_t taken = 0;
    DeviceWorker *spare = nullptr, *oldest = nullptr;
    for (const auto& each : devices_) {
        if (each->device != device_name) continue;
        if (each->role == Role::spare) spare = each.get();
        if (each->role != Role::own) continue;
        ++taken;
        const bool used = !each->is_idle() || is_wanted(*models_.find(each->owner));
        if (!used && (!oldest || each->used_at < oldest->used_at)) oldest = each.get();
    }
    if (taken < options_.own_workers) return spare ? spare : &add_device(device_name, Role::spare);
    if (oldest) release(*oldest);
    return oldest;
}

void Scheduler::release(DeviceWorker& device) {
    device.supervisor->stop();
    device.models.clear();
    device.role = Role::spare;
    device.owner = 0;
    publish();
}

void Scheduler::arm_own() {
    if (std::exchange(own_armed_, true)) return;
    own_timer_.expires_after(look_every);
    own_timer_.async_wait(loop_.in_turn([this](const boost::system::error_code& failure) {
        own_armed_ = false;
        if (failure || stopping_) return;
        end_unneeded();
        if (std::ranges::any_of(devices_, [](const auto& each) {
                return each->role == Role::own || each->role == Role::suspects;
            }))
            arm_own();
    }));
}

void Scheduler::end_unneeded() {
    const auto at = now();
    for (const auto& each : devices_) {
        auto& device = *each;
        if (device.role != Role::own && device.role != Role::suspects) continue;
        const auto quiet = at - device.used_at;
        if (!device.is_idle() || quiet < idle_before_end) continue;
        if (device.role == Role::suspects) {
            if (std::ranges::none_of(models_.all(), [&](const auto* entry) { return serves(device, *entry); }))
                release(device);
            continue;
        }
        auto& entry = *models_.find(device.owner);
        if (is_wanted(entry)) continue;
        const auto& version = *entry.version;
        const bool returns = version.manifest->isolation == values::Isolation::shared && quiet >= quiet_before_return &&
                             !quarantine_.is_troubled({version.organization, version.name, version.version}, at);
        if (returns) entry.own = false;
        if (returns || device.state_of(entry.key) != Residence::State::ready) release(device);
    }
}

} // namespace millrace::inference
