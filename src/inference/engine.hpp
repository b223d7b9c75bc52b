// The engine: takes predictions, batches them per model, and has them run by the worker process that it
// supervises. Models are loaded on first use and again after a restart.
//
// Thread-safe. The engine owns one thread, on which its state lives (engine_loop.hpp); `done` callbacks are called
// there, or by a thread that calls predict(), and must return quickly. Every accepted request ends in exactly one call
// of its `done`, also at stop().
#pragma once
#include "async/awaitable.hpp"
#include "inference/engine/quarantine.hpp"
#include "inference/prediction.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::inference {

// What is held in quarantine, or has just been held or let go.
struct QuarantineStatus {
    std::string kind; // "input", "model", "organization"
    OrganizationId organization;
    std::string model, version; // of an organisation: the version that brought it about; empty in a list
    std::string input;          // of an input: its digest
    bool held = true;           // false: let go
    int workers_ended = 0;      // by it, of which is remembered
    Timestamp until;            // then one request is let through to see
    std::string reason;         // of a change
};

struct EngineOptions {
    bool enabled = true;                                 // false: no worker is ever started, and predictions say so
    std::filesystem::path executable = "/proc/self/exe"; // started as: EXECUTABLE worker …
    std::filesystem::path runtime;                       // libmillrace_torch.so; empty: find_runtime()
    int threads = 0;                                     // threads of one forward pass; 0: the cores of this machine
    int decode_threads = 0;                              // 0: the cores
    std::uint64_t memory_limit = 0;          // bytes the worker may allocate; 0: three quarters of the machine's
    std::size_t queue_capacity = 4096;       // waiting predictions; full is `unavailable`
    std::vector<std::string> devices{"cpu"}; // each with a worker process; "cpu" beside others is a fallback for them
    std::uint64_t model_memory = 0;          // bytes that the models of one device may take together; 0: no limit
    std::chrono::milliseconds start_timeout{60'000};     // from spawn to the worker's greeting
    std::chrono::milliseconds load_timeout{120'000};     // of one model, warm-up included
    std::chrono::milliseconds heartbeat_timeout{10'000}; // silence after which the worker is killed
    std::chrono::milliseconds first_backoff{100}, longest_backoff{10'000};
    std::chrono::milliseconds leftover_window{10'000}; // for a task that a model has left running in the worker
    std::chrono::milliseconds cancel_grace{5'000};     // for a withdrawn request that is on the device already
    std::size_t own_workers = 4; // processes for models that get one of their own, on each device; 0: none, all share
    QuarantineRules quarantine;
    // Told of each change, on the engine's thread: returns quickly.
    std::function<void(const QuarantineStatus&)> on_quarantine{};
};

struct DeviceStatus {
    std::string device; // "cpu", "cuda:0"
    std::string state;  // as the worker's
    int pid = 0;
    std::uint64_t restarts = 0, model_bytes = 0, model_budget = 0; // 0: no limit
    std::size_t batches = 0;                                       // under way
    std::string reason; // names no model: whoever asks may be of another organisation
    std::string model;  // of a worker that one model has to itself: "digits/1"; "suspects" of the one in which
                        // what may have ended a worker is run again; empty: shared
    std::optional<OrganizationId> organization{}; // whose that model is
};

// The engine as a whole; the process of the first device that works, where it is about one.
struct WorkerStatus {
    std::string state; // starting, ready, restarting, unavailable, stopped
    int pid = 0;
    std::uint64_t restarts = 0;
    std::string runtime; // "libtorch 2.13.0"
    std::string device = "cpu";
    int threads = 0;
    std::size_t in_flight = 0, queued = 0;
    std::vector<std::string> models; // loaded now, of all organisations: "digits/1"
    std::string reason;              // why it is not ready
    std::string sandbox;             // "seccomp, landlock 3" …
    std::vector<DeviceStatus> devices;
    std::vector<QuarantineStatus> quarantine; // what is held now
};

struct CheckReport {
    double load_ms = 0, warm_up_ms = 0; // warm_up_ms: one forward pass of one input, warm
    std::uint64_t memory_bytes = 0;     // that the worker has more of its own
    std::string optimization;           // "optimized", "frozen" or "plain": what survived the comparison
    std::string note;                   // why not further; empty when nothing stopped it
    std::string precision = "fp32";
    bool channels_last = false;
    int threads = 1, instances = 1; // of one forward pass; passes at a time
};

// A model in the engine, as the repository index of the Open Inference Protocol shows it.
struct LoadedModel {
    std::shared_ptr<const ModelVersion> version;
    std::string state;  // "loading", "ready", "failed", "absent"
    std::string reason; // of "failed"
    CheckReport report; // of "ready"
    Timestamp used_at;
    std::vector<std::string> devices;         // where it is ready
    std::vector<QuarantineStatus> quarantine; // of it, and of inputs of it
    bool own_worker = false;
};

// Since the start, of one model version. The names are those of the protocol's statistics extension.
struct ModelStatistics {
    struct Duration {
        std::uint64_t count = 0, ns = 0;
    };
    std::shared_ptr<const ModelVersion> version;
    Timestamp last_inference;
    std::uint64_t inference_count = 0, execution_count = 0; // rows, forward passes
    Duration success, fail, queue, compute_input, compute_infer, compute_output, cache_hit, cache_miss;
    std::map<int, Duration> batches;                 // by rows of the pass: its forward time
    std::map<FailureReason, std::uint64_t> failures; // every one; `fail` leaves out what the caller did
    std::uint64_t pending = 0;                       // waiting or running now
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
    // cancel_grace; then its worker is replaced, and what shared the worker with it is run again without being told.
    // `done` is called as for every request: with `cancelled`, unless the answer was on its way. Any ticket, any number
    // of times.
    void withdraw(Ticket ticket);

    // Loads and runs `model` once in a worker of its own, which is then ended: what a bad model does stays there.
    using CheckDone = std::function<void(Result<CheckReport>)>;
    void check(std::shared_ptr<const ModelVersion> model, CheckDone done);
    awaitable<Result<CheckReport>> check(std::shared_ptr<const ModelVersion> model);

    // Loads and warms a model where it will be served, and answers when it may be used; a model that is there is
    // answered at once. A prediction of an absent model does the same first.
    awaitable<Result<CheckReport>> load(std::shared_ptr<const ModelVersion> model);
    // Gives the model's memory back; what waits for it is run first. A later prediction loads it again.
    awaitable<Result<void>> unload(std::shared_ptr<const ModelVersion> model);
    // As unload(), without waiting for its end.
    void forget(std::shared_ptr<const ModelVersion> model);

    WorkerStatus status() const;
    std::vector<LoadedModel> models() const;
    std::vector<ModelStatistics> statistics() const;
    // A request that was answered from a cache, for the statistics.
    void count_cache(const std::shared_ptr<const ModelVersion>& model, bool hit, std::chrono::nanoseconds took);

private:
    class Core;
    std::unique_ptr<Core> core_;
};

// The runtime module that belongs to this installation: beside the executable in a build tree, else under
// /usr/lib/millrace; empty when there is none.
std::filesystem::path find_runtime();

// Whether its libtorch is a CUDA build: libtorch_cuda.so lies beside the module, or below torch/ there. Empty:
// find_runtime().
bool has_cuda(const std::filesystem::path& runtime);

// The devices that this machine and this runtime have: each CUDA device, then "cpu". An empty runtime is
// find_runtime().
std::vector<std::string> find_devices(const std::filesystem::path& runtime);

} // namespace millrace::inference
