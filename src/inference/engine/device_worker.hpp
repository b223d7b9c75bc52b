// One device: the worker process that serves it, the models that are loaded there, the batches that are under way.
// State of the scheduler, on the engine's thread.
#pragma once
#include "inference/engine.hpp"
#include "inference/engine/batcher.hpp"
#include "inference/process/supervisor.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::inference {

CheckReport report_of(const frame::Loaded& loaded);

// A model on a device.
struct Residence {
    enum class State { absent, loading, ready, leaving, failed };

    State state = State::absent;
    CheckReport report;             // ready, leaving
    std::string error;              // failed
    std::uint64_t failed_file = 0;  // failed: what its file was then
    std::uint64_t memory_bytes = 0; // that it takes; while it loads, as estimated
    Monotonic failed_at, load_deadline, loaded_at, used_at;
    bool evicted = false; // ready, but another model is to have its memory: no batch begins any more
};

struct Flight {
    Batcher::ModelKey model = 0;
    std::vector<Batcher::ItemKey> items;
    Monotonic deadline;     // moved on when a pass begins on the device
    std::size_t passes = 0; // that have begun
    bool alone = false;
    double share = 1;                   // of the device that its passes take
    double charged = 0;                 // to its model, by the batcher
    std::optional<Monotonic> begun;     // its turn has come: a pass of it began, or nothing is before it
    std::optional<Monotonic> withdrawn; // when the first of its items was
};

struct DeviceWorker {
    // shared: of all models but those that have one of their own. own: of one model (manifest, or it ended a worker
    // lately). suspects: what was in a worker when it ended is run again here, alone, so that nobody is beside the
    // cause a second time. spare: an own worker's place that nobody has now; no process.
    enum class Role { shared, own, suspects, spare };

    std::string device; // "cpu", "cuda:0"
    Role role = Role::shared;
    Batcher::ModelKey owner = 0; // own
    bool standby = false;        // started only when no other device can be used
    std::unique_ptr<Supervisor> supervisor;
    std::map<Batcher::ModelKey, Residence> models;
    std::map<std::uint64_t, Flight> flights; // in the order they were sent
    std::uint64_t memory_budget = 0;         // of its models; 0: none
    Monotonic used_at;                       // when a batch was sent to it last, or it was started
    Monotonic renewed_at;                    // when it was replaced last because its memory was used up

    bool ready() const { return supervisor->state() == Supervisor::State::ready; }
    bool unavailable() const { return supervisor->state() == Supervisor::State::unavailable; }
    Residence::State state_of(Batcher::ModelKey model) const;
    bool busy_with(Batcher::ModelKey model) const;
    Work work(std::uint64_t next_batch) const;      // what it has been given and has not answered
    bool is_idle() const { return work(1).none(); } // nothing runs, and no model comes or goes
    double load() const;                            // 1: its places are taken once over
    double own_load(Batcher::ModelKey model) const;
    // What of that stands in a model's way: its own batches, and of others those that do not lend their places.
    double load_for(Batcher::ModelKey model, Monotonic at) const;
    // Has a batch of it been at work for so long that others go beside it? The worker lends by the same rule.
    bool lends_places(Batcher::ModelKey model, Monotonic at) const;
    std::optional<Monotonic> next_lending(Monotonic at) const; // the first after `at`
    std::uint64_t model_bytes() const;                         // of what is loaded, loading or not yet given back
    Batcher::Room room(Batcher::ModelKey model, Monotonic at) const;
};

// A list, because a worker may be added while somebody goes through them.
using Devices = std::list<std::unique_ptr<DeviceWorker>>;

} // namespace millrace::inference
