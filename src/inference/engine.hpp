// The engine: takes predictions, batches them per model, and has them run by the worker process that it
// supervises. Models are loaded on first use and again after a restart.
//
// Thread-safe. The engine owns one thread, on which all its state lives; `done` callbacks are called there and
// must return quickly. Every accepted request ends in exactly one call of its `done`, also at stop().
#pragma once
#include "async/awaitable.hpp"
#include "inference/prediction.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace millrace::inference {

struct EngineOptions {
    bool enabled = true;                 // false: no worker is ever started, and predictions say so
    std::filesystem::path executable = "/proc/self/exe"; // started as: EXECUTABLE worker …
    std::filesystem::path runtime;       // libmillrace_torch.so; empty: find_runtime()
    int threads = 0;                     // threads of one forward pass; 0: the cores of this machine
    int decode_threads = 0;              // 0: the cores
    std::uint64_t memory_limit = 0;      // bytes the worker may allocate; 0: three quarters of the machine's
    std::size_t queue_capacity = 4096;   // waiting predictions; full is `unavailable`
    int batches_in_flight = 2;           // one in the runtime, the next being decoded
    std::chrono::milliseconds start_timeout{60'000};     // from spawn to the worker's greeting
    std::chrono::milliseconds load_timeout{120'000};     // of one model, warm-up included
    std::chrono::milliseconds heartbeat_timeout{10'000}; // silence after which the worker is killed
    std::chrono::milliseconds first_backoff{100}, longest_backoff{10'000};
    std::chrono::milliseconds cancel_grace{5'000};       // for a withdrawn request that is on the device already
};

struct WorkerStatus {
    std::string state;                   // starting, ready, restarting, unavailable, stopped
    int pid = 0;
    std::uint64_t restarts = 0;
    std::string runtime;                 // "libtorch 2.13.0"
    std::string device = "cpu";
    int threads = 0;
    std::size_t in_flight = 0, queued = 0;
    std::vector<std::string> models;     // loaded now: "digits/1"
    std::string reason;                  // why it is not ready
    std::string sandbox;                 // "seccomp, landlock 3" …
};

struct CheckReport {
    double load_ms = 0, warm_up_ms = 0;  // warm_up_ms: one forward pass of one input, warm
    std::uint64_t memory_bytes = 0;      // growth of the worker's resident memory
    std::string optimization;            // "optimized", "frozen" or "plain": what survived the comparison
};

class Engine {
public:
    Engine(EngineOptions options, telemetry::Log& log, telemetry::Metrics& metrics);
    ~Engine(); // stop()
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    void start(); // returns at once; status() tells when the worker is ready
    // Waiting and running work ends as `unavailable`, the worker is ended, the thread joined. Idempotent.
    void stop();

    using Done = std::function<void(Outcome)>;
    using Ticket = std::uint64_t; // names one request, for ever
    Ticket predict(Request request, Done done);
    // Resumes on the caller's executor. When the coroutine is cancelled there, its request is withdrawn.
    awaitable<Outcome> predict(Request request);

    // Nobody wants the answer any more. A request that waits ends at once. One that is on the device may finish within
    // cancel_grace; then its worker is replaced, and what shared the worker with it is run again without being told. `done` is
    // called as for every request: with `cancelled`, unless the answer was on its way. Any ticket, any number of times.
    void withdraw(Ticket ticket);

    // Loads and runs `model` once in a worker of its own, which is then ended: what a bad model does stays there.
    using CheckDone = std::function<void(Result<CheckReport>)>;
    void check(std::shared_ptr<const ModelVersion> model, CheckDone done);
    awaitable<Result<CheckReport>> check(std::shared_ptr<const ModelVersion> model);

    // Forgets a model in the worker; running work on it ends first.
    void unload(std::string sha256);

    WorkerStatus status() const;

private:
    class Core;
    std::unique_ptr<Core> core_;
};

// The runtime module that belongs to this installation: beside the executable in a build tree, else under
// /usr/lib/millrace; empty when there is none.
std::filesystem::path find_runtime();

} // namespace millrace::inference
