// Keeps one worker process running: starts it, waits for its greeting, listens to its heart, kills it when it hangs,
// starts it again after a pause that grows. All in the turn of the loop; what
// starts a worker on its thread.
//
// A worker lives while it answers: each beat is a question to the thread that reads its channel, which does nothing
// else, and any message is an answer. Questions are counted, not time, so that nobody is blamed for a machine or a
// daemon that stood still. What a model left running in the worker is found by leftovers.hpp.
#pragma once
#include "inference/process/leftovers.hpp"
#include "inference/process/worker_process.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace millrace::inference {

struct SupervisorOptions {
    SpawnOptions spawn;
    std::chrono::milliseconds start_timeout{60'000}, heartbeat_timeout{10'000};
    std::chrono::milliseconds first_backoff{100}, longest_backoff{10'000};
    std::chrono::milliseconds leftover_window{
        10'000}; // after which a task that a model has left running is no longer borne
};

class Supervisor {
public:
    enum class State { stopped, starting, ready, restarting, unavailable };
    struct Events {
        std::function<void(const frame::Hello&)> ready;
        std::function<void(frame::ToDaemon)> message;     // every message but greetings and heartbeats
        std::function<void(const Denial&)> denied;        // its sandbox refused a call
        std::function<Work()> work;                       // what it has been given and has not answered
        std::function<void(const std::string& why)> lost; // it was ready, and is gone
        std::function<void(const std::string& why)>
            unavailable; // it cannot be started; tried again at the longest pause
    };

    Supervisor(EngineLoop& loop, SupervisorOptions options, telemetry::Log& log, telemetry::Metrics& metrics,
               Events events);

    void start();
    void stop(); // may be started again
    void send(const frame::ToWorker& message, std::vector<Descriptor> descriptors = {});
    // Ends the worker, reports it lost, starts another.
    void kill(const std::string& why);
    // The same for the sake of somebody else: a fault of the work, not of the worker, so the pause does not grow.
    void replace(const std::string& why);

    void lower_priority(int nice); // of the present worker; see WorkerProcess

    State state() const { return state_; }
    // While `lost` is told: it was replaced for what an earlier pass left behind, so nothing that it has now is the
    // cause.
    bool ended_for_leftovers() const { return for_leftovers_; }
    int pid() const { return worker_ ? worker_->pid() : 0; }
    std::uint64_t restarts() const { return restarts_; }
    // Was the last one killed by somebody else (the kernel that had no memory left, an operator)? Its sandbox lets no
    // model do that.
    bool was_ended_from_outside() const { return ended_from_outside_; }
    const std::string& reason() const { return reason_; }
    const frame::Hello& hello() const { return hello_; }

private:
    void spawn();
    void on_message(frame::ToDaemon message);
    void on_gone(const std::string& why, bool from_outside = false);
    void beat();
    bool find_leftovers(); // true: the worker was replaced because of one
    void arm(std::chrono::milliseconds after, std::function<void()> what);

    EngineLoop& loop_;
    SupervisorOptions options_;
    telemetry::Log& log_;
    telemetry::Counter& restart_counter_;
    Events events_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<WorkerProcess> worker_; // shared with its own pending reads
    QuietWatch quiet_watch_;
    TaskWatch task_watch_;
    State state_ = State::stopped;
    frame::Hello hello_;
    std::string reason_ = "not started";
    std::uint64_t restarts_ = 0, sequence_ = 0;
    std::uint64_t activity_ = 0; // everything that was sent to a worker or came from it, but the heartbeats
    bool for_leftovers_ = false;
    bool ask_tasks_ = false; // with the next beat
    int failed_starts_ = 0, unanswered_ = 0;
    bool ended_from_outside_ = false;
    std::chrono::milliseconds backoff_{100};
    std::uint64_t armed_ = 0; // times that the timer was set: an earlier one that is on its way means nothing any more
    std::chrono::steady_clock::time_point ready_since_{};
};

std::string_view name(Supervisor::State state);

} // namespace millrace::inference
