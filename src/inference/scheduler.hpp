// The engine's inside: requests in, batches to the worker, answers out. Everything on the thread of the io_context.
#pragma once
#include "async/guarded.hpp"
#include "inference/batcher.hpp"
#include "inference/denial_log.hpp"
#include "inference/engine.hpp"
#include "inference/model_table.hpp"
#include "inference/supervisor.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <unordered_map>

namespace millrace::inference {

class Scheduler {
public:
    Scheduler(boost::asio::io_context& context, const EngineOptions& options, const SpawnOptions& spawn,
              telemetry::Log& log, telemetry::Metrics& metrics);

    void start();
    void stop();
    void predict(Engine::Ticket ticket, Request request, Engine::Done done);
    void withdraw(Engine::Ticket ticket);
    void forget(const std::string& sha256);
    WorkerStatus status() const; // any thread
    DenialLog& denials() { return denials_; }

private:
    struct Pending {
        std::shared_ptr<const ModelVersion> model;
        Input input;             // kept until the answer, for another worker may have to start anew
        Engine::Done done;
        Batcher::ModelKey lane = 0;
        Batcher::Item item;      // as it waits, or waited
        Monotonic sent;
        std::uint64_t batch = 0; // in flight
        bool withdrawn = false;
    };
    struct Flight {
        Batcher::ModelKey model = 0;
        std::vector<Batcher::ItemKey> items;
        Monotonic deadline;      // moved on when the batch starts on the device
        bool alone = false;
        std::optional<Monotonic> begun;     // its turn has come: nothing is before it
        std::optional<Monotonic> withdrawn; // when the first of its items was
    };

    Supervisor::Events supervisor_events();
    void load(ModelEntry& entry);
    void on_loaded(const frame::Loaded& loaded);
    void on_started(const frame::Started& started);
    void on_done(frame::Done done);
    void on_lost(const std::string& why);
    void on_denied(const Denial& denial);
    void dispatch();
    bool has_free_slot() const;
    void send(const Batcher::Batch& batch);
    static std::optional<frame::BatchItem> hand_over(Input& input, std::vector<Descriptor>& files);
    std::chrono::nanoseconds time_limit(Batcher::ModelKey model);
    void arm_tick();
    void arm_wake();
    void finish(Batcher::ItemKey key, Outcome outcome);
    void fail(const std::vector<Batcher::ItemKey>& keys, const Failure& failure);
    void publish();          // the status that other threads see

    // ── what ends before its answer: scheduler_ends.cpp ──
    void tick();             // deadlines: of batches, of loads, of waiting items
    bool end_slow_load(Monotonic at);
    bool end_late_flight(Monotonic at);
    bool end_withdrawn_flight(Monotonic at);
    void kill_for(const std::string& why); // the one to blame has been taken out: what else is in flight is put back
    void put_back(const Flight& flight);
    static Failure withdrawn();

    const EngineOptions options_;
    telemetry::Log& log_;
    telemetry::Gauge& waiting_gauge_;
    DenialLog denials_;
    ModelTable models_;
    Batcher batcher_;
    std::unordered_map<Batcher::ItemKey, Pending> pending_;
    std::map<std::uint64_t, Flight> flights_; // in the order they were sent
    std::uint64_t next_batch_ = 1;
    boost::asio::steady_timer tick_timer_, wake_timer_;
    bool ticking_ = false, stopping_ = false, culprit_known_ = false;
    mutable async::Guarded<WorkerStatus> status_;
    Supervisor supervisor_; // last: its callbacks use the rest
};

} // namespace millrace::inference
