// The worker as a child process: started, spoken to, ended. All functions and callbacks in the turn of the loop.
// spawn() on its thread, which must live as long as the worker may (the kernel ends the worker with it).
#pragma once
#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "inference/engine/engine_loop.hpp"
#include "inference/frames/frame.hpp"
#include "inference/process/denial_watch.hpp"
#include "inference/process/worker_output.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::inference {

struct SpawnOptions {
    std::filesystem::path executable, runtime;
    std::string device = "cpu"; // or "cuda:N"
    int threads = 1, decode_threads = 1;
    std::uint64_t memory_limit = 0;
    bool gives_memory_back = false; // large blocks, after each pass: for a limit that is narrow
    std::string obstacle;           // why no worker is to be started; empty: one may be
};

class WorkerProcess : public std::enable_shared_from_this<WorkerProcess> {
public:
    using OnMessage = std::function<void(frame::ToDaemon)>;
    // Once, unless end() came first: the process ended, or it sent what no worker sends. The process is already gone
    // then, unless a device holds it in the kernel. `from_outside`: by a SIGKILL that was not the daemon's.
    using OnLost = std::function<void(std::string why, bool from_outside)>;

    // Shared: pending reads keep it alive until they have seen its end.
    static Result<std::shared_ptr<WorkerProcess>> spawn(EngineLoop& loop, const SpawnOptions& options);
    ~WorkerProcess(); // as end()

    // on_denied: what the sandbox has refused; see denial_watch.hpp. on_line: what it has printed; see
    // worker_output.hpp.
    void listen(OnMessage on_message, OnLost on_lost, DenialWatch::OnDenied on_denied = {},
                WorkerOutput::OnLine on_line = {});
    // Queues one message; its descriptors are sent beside it.
    void send(const frame::ToWorker& message, std::vector<Descriptor> descriptors = {});
    // Kills it and waits for it, not for long; no callback follows.
    void end();
    int pid() const { return pid_; }
    // From now on it gets less than others of a processor that several want (nice(1), 1-19). There is no way back.
    void lower_priority(int nice);

private:
    struct Outgoing {
        std::string body;
        std::vector<Descriptor> descriptors;
    };
    WorkerProcess(EngineLoop& loop, Descriptor socket, Descriptor printed, int pid);
    void wait_readable();
    void read_all();
    bool take_descriptors(const frame::ToDaemon& message, std::vector<Descriptor> descriptors);
    void close();
    void flush();
    void lose(const std::string& why);
    std::optional<int> reap(); // its status, as waitpid(2) gives it; nullopt: it was gone, or cannot be ended yet

    EngineLoop& loop_;
    boost::asio::posix::stream_descriptor socket_;
    int pid_ = 0;
    bool ended_ = false, flushing_ = false, lowered_ = false;
    std::deque<Outgoing> outgoing_;
    OnMessage on_message_;
    OnLost on_lost_;
    DenialWatch::OnDenied on_denied_;
    Descriptor printed_;                   // until listen()
    std::shared_ptr<WorkerOutput> output_; // shared with its own pending read
    std::shared_ptr<DenialWatch> denials_; // shared with its own pending wait
};

} // namespace millrace::inference
