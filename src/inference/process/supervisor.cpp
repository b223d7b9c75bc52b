#include "inference/process/supervisor.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference {
namespace {

constexpr std::chrono::milliseconds beat_period{1000};
constexpr std::chrono::seconds stable_after{30}; // then the next fault is restarted at once again
constexpr std::chrono::milliseconds longest_pause_for_work{1000};
constexpr int starts_before_giving_up = 5; // in a row; waiting work is then told

int beats(std::chrono::milliseconds window) {
    return static_cast<int>((window + beat_period - std::chrono::milliseconds{1}) / beat_period);
}

} // namespace

std::string_view name(Supervisor::State state) {
    switch (state) {
    case Supervisor::State::stopped: return "stopped";
    case Supervisor::State::starting: return "starting";
    case Supervisor::State::ready: return "ready";
    case Supervisor::State::restarting: return "restarting";
    case Supervisor::State::unavailable: return "unavailable";
    }
    return "stopped";
}

Supervisor::Supervisor(EngineLoop& loop, SupervisorOptions options, telemetry::Log& log, telemetry::Metrics& metrics,
                       Events events)
    : loop_{loop},
      options_{std::move(options)},
      log_{log},
      restart_counter_{metrics.counter("millrace_worker_restarts_total",
                                       "Times the inference worker was started again after it had ended.")},
      events_{std::move(events)},
      timer_{loop.context()},
      quiet_watch_{options_.leftover_window},
      task_watch_{beats(options_.leftover_window)},
      backoff_{options_.first_backoff} {}

void Supervisor::lower_priority(int nice) {
    if (worker_) worker_->lower_priority(nice);
}

void Supervisor::start() {
    if (state_ != State::stopped) return;
    failed_starts_ = 0;
    backoff_ = options_.first_backoff;
    if (!options_.spawn.obstacle.empty()) {
        state_ = State::unavailable;
        reason_ = options_.spawn.obstacle + "; everything but inference works";
        log_.warning("inference unavailable", {{"reason", reason_}});
        events_.unavailable(reason_);
        return;
    }
    state_ = State::starting;
    reason_ = "the worker is starting";
    spawn();
}

void Supervisor::stop() {
    ++armed_;
    timer_.cancel();
    state_ = State::stopped;
    reason_ = "stopped";
    if (const auto worker = std::exchange(worker_, nullptr)) worker->end();
}

void Supervisor::send(const frame::ToWorker& message, std::vector<Descriptor> descriptors) {
    if (!worker_) return;
    ++activity_;
    worker_->send(message, std::move(descriptors));
}

void Supervisor::arm(std::chrono::milliseconds after, std::function<void()> what) {
    timer_.expires_after(after); // cancels what was armed before
    timer_.async_wait(
        loop_.in_turn([this, armed = ++armed_, what = std::move(what)](const boost::system::error_code& failure) {
            if (!failure && armed == armed_) what();
        }));
}

void Supervisor::spawn() {
    auto worker = WorkerProcess::spawn(loop_, options_.spawn);
    if (!worker) return on_gone(worker.error().detail);
    worker_ = std::move(*worker);
    worker_->listen([this](frame::ToDaemon message) { on_message(std::move(message)); },
                    [this](const std::string& why, bool from_outside) { on_gone(why, from_outside); },
                    [this](const Denial& denial) { events_.denied(denial); },
                    [this](const std::string& line, std::uint64_t dropped) {
                        log_.info("worker printed", {{"pid", pid()}, {"text", line}, {"not_logged_before", dropped}});
                    });
    arm(options_.start_timeout, [this] {
        worker_->end();
        on_gone("it did not greet in time");
    });
}

void Supervisor::on_message(frame::ToDaemon message) {
    if (auto* hello = std::get_if<frame::Hello>(&message)) {
        if (state_ == State::ready) return kill("it greeted twice");
        hello_ = std::move(*hello);
        if (!hello_.error.empty()) {
            worker_->end();
            return on_gone(hello_.error);
        }
        if (hello_.protocol != frame::protocol_version) {
            worker_->end();
            return on_gone("it speaks another version (was the program replaced under the daemon?)");
        }
        state_ = State::ready;
        reason_.clear();
        failed_starts_ = 0;
        ready_since_ = std::chrono::steady_clock::now();
        unanswered_ = 0;
        quiet_watch_ = QuietWatch{options_.leftover_window};
        task_watch_ = TaskWatch{beats(options_.leftover_window)};
        log_.info("worker ready", {{"pid", pid()},
                                   {"runtime", hello_.runtime},
                                   {"device", hello_.device},
                                   {"threads", hello_.threads},
                                   {"sandbox", hello_.sandbox}});
        arm(beat_period, [this] { beat(); });
        return events_.ready(hello_);
    }
    if (state_ != State::ready) return;
    unanswered_ = 0;
    if (const auto* pong = std::get_if<frame::Pong>(&message)) {
        if (pong->from_tasks) task_watch_.answered();
        return;
    }
    ++activity_;
    if (const auto* fault = std::get_if<frame::Fault>(&message)) return kill(fault->reason);
    events_.message(std::move(message));
}

void Supervisor::beat() {
    const auto now = std::chrono::steady_clock::now();
    if (unanswered_ * beat_period > options_.heartbeat_timeout) return kill("it stopped answering");
    if (now - ready_since_ > stable_after) backoff_ = options_.first_backoff;
    if (find_leftovers()) return;
    ++unanswered_;
    worker_->send(frame::Ping{++sequence_, std::exchange(ask_tasks_, false)});
    arm(beat_period, [this] { beat(); });
}

// Not the worker's own fault, as with any model's; but nothing else would ever end it.
bool Supervisor::find_leftovers() {
    const auto work = events_.work();
    const auto found = [this](const char* what) {
        for_leftovers_ = true;
        replace(what);
        for_leftovers_ = false;
        return true;
    };
    if (quiet_watch_.is_guilty(work, activity_, std::chrono::steady_clock::now(), processor_time(pid())))
        return found("it used the processor with nothing to do: a model left a thread running");
    switch (task_watch_.beat(work, activity_, unanswered_ == 0)) {
    case TaskWatch::Verdict::innocent: return false;
    case TaskWatch::Verdict::ask: ask_tasks_ = true; return false;
    case TaskWatch::Verdict::guilty: return found("a model left a task running that nothing waits for");
    }
    return false;
}

void Supervisor::kill(const std::string& why) {
    if (!worker_) return;
    worker_->end();
    on_gone(why);
}

void Supervisor::replace(const std::string& why) {
    backoff_ = options_.first_backoff;
    kill(why);
}

void Supervisor::on_gone(const std::string& why, bool from_outside) {
    if (state_ == State::stopped) return;
    ended_from_outside_ = from_outside;
    const bool was_ready = state_ == State::ready;
    // One that has started well is needed again soon, whoever's model ended it; one that cannot start has time.
    const auto pause = was_ready ? std::min(backoff_, longest_pause_for_work) : backoff_;
    log_.error("worker lost",
               {{"pid", pid()}, {"reason", why}, {"next_start_ms", static_cast<std::int64_t>(pause.count())}});
    worker_.reset();
    reason_ = why;
    ++restarts_;
    restart_counter_.add();
    if (!was_ready) ++failed_starts_;
    state_ = failed_starts_ >= starts_before_giving_up || state_ == State::unavailable ? State::unavailable
                                                                                       : State::restarting;
    arm(pause, [this] { spawn(); });
    backoff_ = std::min(backoff_ * 2, options_.longest_backoff);
    if (was_ready) events_.lost(why);
    if (state_ == State::unavailable) events_.unavailable(why);
}

} // namespace millrace::inference
