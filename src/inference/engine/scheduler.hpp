// The engine's inside: requests in, batches to the workers of the devices, answers out. Everything in the turn of the
// loop, and on its thread; but predict() on any thread, if takes_at_once() says so. In six files: what is asked and
// answered (scheduler.cpp), where models are loaded and leave (scheduler_models.cpp), what ends before its answer
// (scheduler_ends.cpp), what is refused because it ends workers (scheduler_quarantine.cpp), which workers there are for
// whom (scheduler_own.cpp), what others see (scheduler_view.cpp).
#pragma once
#include "async/guarded.hpp"
#include "inference/engine.hpp"
#include "inference/engine/batcher.hpp"
#include "inference/engine/device_worker.hpp"
#include "inference/engine/model_table.hpp"
#include "inference/engine/quarantine.hpp"
#include "inference/engine/statistics.hpp"
#include "inference/process/denial_log.hpp"

#include <boost/asio/steady_timer.hpp>

#include <map>
#include <unordered_map>

namespace millrace::inference {

class Scheduler {
public:
    Scheduler(EngineLoop& loop, const EngineOptions& options, const SpawnOptions& spawn, telemetry::Log& log,
              telemetry::Metrics& metrics);

    void start();
    void stop();
    // Is its model ready wherever it is served, so that predict() only sends a batch or lets it wait? Then it may be
    // called on another thread: no worker is started there, no model loaded.
    bool takes_at_once(const Request& request);
    void predict(Engine::Ticket ticket, Request request, Engine::Done done);
    void withdraw(Engine::Ticket ticket);
    void load(const std::shared_ptr<const ModelVersion>& version, ModelEntry::LoadDone done);
    void unload(const std::shared_ptr<const ModelVersion>& version, ModelEntry::UnloadDone done);
    DenialLog& denials() { return denials_; }

    // From any thread.
    WorkerStatus status() const;
    std::vector<LoadedModel> models() const;
    Statistics& statistics() { return statistics_; }

private:
    struct Admission {
        std::string digest; // of the input; empty: not needed so far
        bool probe = false; // let through to see whether its quarantine may end
    };
    struct Pending {
        std::shared_ptr<const ModelVersion> model;
        Input input; // kept until the answer, for another worker may have to start anew
        Engine::Done done;
        Batcher::ModelKey lane = 0;
        Batcher::Item item; // as it waits, or waited
        bool raw = false;
        Monotonic sent;
        std::uint64_t batch = 0; // in flight
        bool withdrawn = false;
        int losses = 0; // of the worker that ran it, where another may have been the cause
        Admission admission{};
    };

    DeviceWorker& add_device(const std::string& name, DeviceWorker::Role role);
    Supervisor::Events events_of(DeviceWorker& device);
    void on_message(DeviceWorker& device, frame::ToDaemon message);
    std::optional<Failure> obstacle(const Request& request) const;
    ModelEntry& entry_of(const std::shared_ptr<const ModelVersion>& version);
    void on_started(DeviceWorker& device, const frame::Started& started);
    void on_done(DeviceWorker& device, frame::Done done);
    void on_exhausted(DeviceWorker& device, const Flight& flight, frame::Done done);
    Batcher::Cost cost_of(const Flight& flight, const frame::Done& done) const;
    void excuse_the_next(DeviceWorker& device, std::uint64_t batch, Monotonic at);
    void answer(const ModelEntry& entry, const frame::Done& times, Batcher::ItemKey key, frame::ItemResult result);
    void dispatch();
    bool dispatch_to(DeviceWorker& device);
    void send(DeviceWorker& device, const Batcher::Batch& batch);
    static std::optional<frame::BatchItem> hand_over(Pending& pending, std::vector<Descriptor>& files);
    static void take_back(Pending& pending, frame::BatchItem item);
    std::chrono::nanoseconds time_limit(Batcher::ModelKey model);
    void arm_tick();
    void arm_wake();
    void finish(Batcher::ItemKey key, Outcome outcome);
    void fail(const std::vector<Batcher::ItemKey>& keys, const Failure& failure);

    // ── models: scheduler_models.cpp ──
    void load_wanted(DeviceWorker& device);
    void load_on(DeviceWorker& device, ModelEntry& entry);
    bool make_room(DeviceWorker& device, const ModelEntry& entry, std::uint64_t bytes);
    void evict(DeviceWorker& device, Batcher::ModelKey key);
    void send_away(DeviceWorker& device, Batcher::ModelKey key); // if nothing of it is under way
    void let_go(DeviceWorker& device);                           // what is to leave and has become idle
    bool is_wanted(const ModelEntry& entry) const;
    bool has_hope(const ModelEntry& entry) const;
    bool must_be_quiet(const DeviceWorker& device); // a suspect is to be loaded with nothing beside it
    bool renew(DeviceWorker& device, ModelEntry& entry, const std::string& error);
    void on_loaded(DeviceWorker& device, const frame::Loaded& loaded);
    void on_unloaded(DeviceWorker& device, const frame::Unloaded& unloaded);
    void tell_load(ModelEntry& entry); // those who wait, when it is decided
    void tell_unload(ModelEntry& entry);
    void end_waits(ModelEntry& entry, Monotonic at);

    // ── what ends before its answer: scheduler_ends.cpp ──
    static constexpr std::chrono::milliseconds tick_period{50};
    void tick(); // deadlines: of batches, of loads, of waiting items
    void forgive(std::chrono::nanoseconds slept);
    bool end_slow_load(DeviceWorker& device, Monotonic at);
    bool end_late_flight(DeviceWorker& device, Monotonic at);
    bool end_withdrawn_flight(DeviceWorker& device, Monotonic at);
    void kill_for(DeviceWorker& device, const ModelEntry& entry,
                  const std::string& why); // what is to blame has been taken out: the rest is put back
    void put_back(const Flight& flight);
    void on_lost(DeviceWorker& device, const std::string& why);
    void find_cause(const std::map<std::uint64_t, Flight>& flights, const std::vector<ModelEntry*>& loading,
                    const std::string& why, bool from_outside);
    void blame(ModelEntry& loading, const std::string& why);
    void blame(const std::map<std::uint64_t, Flight>& flights, const Failure& failure, bool certain = true);
    void on_unavailable(DeviceWorker& device, const std::string& why);
    void on_denied(DeviceWorker& device, const Denial& denial);
    static Failure withdrawn();

    // ── what is refused: scheduler_quarantine.cpp ──
    std::optional<Failure> quarantined(const Request& request, Admission& admission);
    void ended_worker(ModelEntry& entry, Pending* pending, const std::string& why); // null: while it was loaded
    void end_probe(const Pending& pending, const Outcome& outcome);
    void lift_quarantine(const ModelVersion& version);
    void tell(const std::vector<Quarantine::Change>& changes, const std::string& why);
    void refuse_waiting(const Quarantine::Change& change);
    std::vector<QuarantineStatus> quarantine_status() const;

    // ── which workers there are for whom: scheduler_own.cpp ──
    bool serves(const DeviceWorker& device, const ModelEntry& entry) const;
    Batcher::Offer offer(const DeviceWorker& device, Batcher::ModelKey model, Monotonic at) const;
    bool has_worker_for_suspects() const;
    void seat(ModelEntry& entry);
    void calm(DeviceWorker& device, Monotonic at);
    void seat_suspects();
    DeviceWorker* place_for(const std::string& device_name);
    void release(DeviceWorker& device);
    void arm_own();
    void end_unneeded();

    // ── the view: scheduler_view.cpp ──
    void publish(); // what other threads see

    EngineLoop& loop_;
    const EngineOptions options_;
    const SpawnOptions spawn_;
    telemetry::Log& log_;
    telemetry::Metrics& metrics_;
    telemetry::Gauge& waiting_gauge_;
    DenialLog denials_;
    ModelTable models_;
    Statistics statistics_;
    Quarantine quarantine_;
    struct {
        telemetry::Counter *begun = nullptr, *refused = nullptr;
        telemetry::Gauge* held = nullptr;
    } quarantine_metrics_;
    Batcher batcher_;
    std::unordered_map<Batcher::ItemKey, Pending> pending_;
    std::uint64_t next_batch_ = 1;
    boost::asio::steady_timer tick_timer_, wake_timer_, own_timer_;
    Monotonic looked_at_; // when the tick that is to come was armed
    bool own_armed_ = false, suspects_worker_failed_ = false;
    bool ticking_ = false, stopping_ = false, culprit_known_ = false;
    bool has_suspects_ = false; // among the models
    struct View {
        WorkerStatus status;
        std::vector<LoadedModel> models;
    };
    mutable async::Guarded<View> view_;
    Devices devices_; // last: their supervisors' callbacks use the rest
};

} // namespace millrace::inference
