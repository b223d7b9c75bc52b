#include "inference/process/worker_process.hpp"

#include "inference/channel.hpp"
#include "inference/process/openblas_core.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

namespace millrace::inference {
namespace {

constexpr std::chrono::milliseconds patience_with_the_dead{500};
constexpr int worker_socket = 3; // the only descriptor beside standard input, output and error

// Nothing of the daemon's environment reaches the worker: it may hold secrets.
// What a pass allocates it allocates again in the next: blocks that are mapped and unmapped each time cost a sixth of
// it in zeroed pages. So they are kept, in one arena, because the others cannot hold large blocks. Under a limit that
// somebody has set the largest are given back at once all the same: between small blocks they leave holes that count as
// taken.
std::string memory_settings(bool gives_back) {
    const std::string large = gives_back ? "mmap_threshold=33554432" : "mmap_max=0";
    return fmt::format(
        "GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.malloc.{}:glibc.malloc.trim_threshold={}:glibc.malloc.hugetlb=1",
        large, std::uint64_t{1} << 40);
}

std::vector<std::string> worker_environment(const SpawnOptions& options) {
    std::vector<std::string> environment{
        "PATH=/usr/bin:/bin",
        "LANG=C.UTF-8",
        "HOME=/nonexistent",
        // Threads that wait by spinning take the cores from the ones that decode: two of them at batch 1 collapse.
        "OMP_WAIT_POLICY=PASSIVE",
        "KMP_BLOCKTIME=0",
        memory_settings(options.gives_memory_back),
        fmt::format("OMP_NUM_THREADS={}", options.threads),
        fmt::format("OPENBLAS_NUM_THREADS={}", options.threads),
    };
    if (const auto core = openblas_core(); !core.empty())
        environment.push_back(fmt::format("OPENBLAS_CORETYPE={}", core));
    return environment;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> list;
    list.reserve(strings.size() + 1);
    for (auto& text : strings) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

// Between fork and exec: only calls that are safe there.
[[noreturn]] void become_worker(int socket, int printed, int parent, const char* executable, char** arguments,
                                char** environment) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setsid(); // signals of the terminal are the daemon's business
    const int null = ::open("/dev/null", O_RDWR);
    if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(printed, 1) < 0 || ::dup2(printed, 2) < 0) ::_exit(127);
    if (socket == worker_socket) ::fcntl(socket, F_SETFD, 0);
    else if (::dup2(socket, worker_socket) < 0) ::_exit(127);
    ::syscall(SYS_close_range, worker_socket + 1, ~0u, 0);
    ::execve(executable, arguments, environment);
    ::_exit(127);
}

// Is the process at its end, a zombie or on the way to be one? proc(5), stat: the state, then pid, group, session,
// terminal, its group, flags (PF_EXITING).
bool is_ending(int pid) {
    std::ifstream file{fmt::format("/proc/{}/stat", pid)};
    std::string text;
    std::getline(file, text);
    const auto name_ends = text.rfind(')');
    if (name_ends == text.npos) return true; // it is gone
    std::istringstream rest{text.substr(name_ends + 1)};
    char state = 0;
    long skipped = 0, flags = 0;
    rest >> state >> skipped >> skipped >> skipped >> skipped >> skipped >> flags;
    return state == 'Z' || state == 'X' || (flags & 0x4) != 0;
}

std::string ending(std::optional<int> status) {
    if (!status) return "it was gone";
    if (WIFEXITED(*status)) return fmt::format("it exited with status {}", WEXITSTATUS(*status));
    return fmt::format("it was ended by signal {} ({})", WTERMSIG(*status), ::strsignal(WTERMSIG(*status)));
}

} // namespace

Result<std::shared_ptr<WorkerProcess>> WorkerProcess::spawn(EngineLoop& loop, const SpawnOptions& options) {
    try {
        auto [ours, theirs] = make_channel();
        int pipe[2];
        if (::pipe2(pipe, O_CLOEXEC) != 0)
            return Error{Code::unavailable, fmt::format("the worker cannot be started: {}", ::strerror(errno))};
        Descriptor printed{pipe[0]}, prints{pipe[1]};
        std::vector<std::string> arguments{"millrace",         "worker",
                                           "--socket",         std::to_string(worker_socket),
                                           "--parent",         std::to_string(::getpid()),
                                           "--runtime",        options.runtime,
                                           "--device",         options.device,
                                           "--threads",        std::to_string(options.threads),
                                           "--decode-threads", std::to_string(options.decode_threads),
                                           "--memory",         std::to_string(options.memory_limit)};
        auto environment = worker_environment(options);
        auto argument_list = pointers(arguments), environment_list = pointers(environment);
        const std::string executable = options.executable;
        const int parent = ::getpid();
        const int pid = ::fork();
        if (pid < 0)
            return Error{Code::unavailable, fmt::format("the worker cannot be started: {}", ::strerror(errno))};
        if (pid == 0)
            become_worker(theirs.get(), prints.get(), parent, executable.c_str(), argument_list.data(),
                          environment_list.data());
        ::fcntl(ours.get(), F_SETFL, ::fcntl(ours.get(), F_GETFL) | O_NONBLOCK);
        return std::shared_ptr<WorkerProcess>{new WorkerProcess{loop, std::move(ours), std::move(printed), pid}};
    } catch (const std::exception& e) {
        return Error{Code::unavailable, std::string{"the worker cannot be started: "} + e.what()};
    }
}

WorkerProcess::WorkerProcess(EngineLoop& loop, Descriptor socket, Descriptor printed, int pid)
    : loop_{loop},
      socket_{loop.context(), socket.release()},
      pid_{pid},
      printed_{std::move(printed)} {}

WorkerProcess::~WorkerProcess() { end(); }

void WorkerProcess::listen(OnMessage on_message, OnLost on_lost, DenialWatch::OnDenied on_denied,
                           WorkerOutput::OnLine on_line) {
    on_message_ = std::move(on_message);
    on_lost_ = std::move(on_lost);
    on_denied_ = std::move(on_denied);
    output_ = WorkerOutput::start(loop_, std::move(printed_), std::move(on_line));
    wait_readable();
}

void WorkerProcess::wait_readable() {
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       loop_.in_turn([self = shared_from_this()](const boost::system::error_code& failure) {
                           if (!failure && !self->ended_) self->read_all();
                       }));
}

void WorkerProcess::read_all() {
    Received received;
    for (int frames = 0; frames < 64 && !ended_; ++frames) { // then others have their turn
        switch (receive_frame(socket_.native_handle(), received)) {
        case ChannelStatus::done: break;
        case ChannelStatus::would_block: return wait_readable();
        case ChannelStatus::closed: return lose({});
        case ChannelStatus::broken: return lose("it sent a broken frame");
        }
        auto message = frame::decode_to_daemon(received.body);
        if (!message || !take_descriptors(*message, std::move(received.descriptors)))
            return lose("it sent a message that is not acceptable");
        on_message_(std::move(*message));
    }
    if (!ended_) wait_readable();
}

// Its greeting brings the descriptor that tells what its sandbox refuses; nothing else brings any.
bool WorkerProcess::take_descriptors(const frame::ToDaemon& message, std::vector<Descriptor> descriptors) {
    if (descriptors.empty()) return true;
    if (!std::holds_alternative<frame::Hello>(message) || descriptors.size() > 1 || denials_) return false;
    denials_ = DenialWatch::start(loop_, std::move(descriptors.front()), on_denied_);
    return true;
}

void WorkerProcess::close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    if (const auto watch = std::exchange(denials_, nullptr)) watch->stop();
    if (const auto output = std::exchange(output_, nullptr)) output->stop();
}

void WorkerProcess::send(const frame::ToWorker& message, std::vector<Descriptor> descriptors) {
    if (ended_) return;
    outgoing_.push_back({frame::encode(message), std::move(descriptors)});
    if (!flushing_) flush();
}

void WorkerProcess::flush() {
    while (!outgoing_.empty() && !ended_) {
        std::vector<int> borrowed;
        for (const auto& descriptor : outgoing_.front().descriptors) borrowed.push_back(descriptor.get());
        const auto status = send_frame(socket_.native_handle(), outgoing_.front().body, borrowed);
        if (status == ChannelStatus::would_block) {
            flushing_ = true;
            socket_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                               loop_.in_turn([self = shared_from_this()](const boost::system::error_code& failure) {
                                   self->flushing_ = false;
                                   if (!failure) self->flush();
                               }));
            return;
        }
        if (status != ChannelStatus::done) return; // reading will see its end, or the time limit
        outgoing_.pop_front();
    }
}

// A process that a device holds in the kernel does not end by a signal, and the engine's thread must not wait for it:
// from then on a thread of its own does, for as long as that takes.
std::optional<int> WorkerProcess::reap() {
    ::kill(pid_, SIGKILL); // it may have closed the channel only
    const auto until = std::chrono::steady_clock::now() + patience_with_the_dead;
    for (;;) {
        int status = 0;
        const auto found = ::waitpid(pid_, &status, WNOHANG);
        if (found == pid_) return status;
        if (found < 0 && errno != EINTR) return std::nullopt;
        if (std::chrono::steady_clock::now() >= until) break;
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    std::thread{[pid = pid_] {
        int status = 0;
        while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    }}.detach();
    return std::nullopt;
}

// Each of its threads. A session may be a scheduling group with a value of its own (sched(7), autogroup): then that one
// counts.
void WorkerProcess::lower_priority(int nice) {
    if (ended_ || std::exchange(lowered_, true)) return;
    std::error_code failure;
    for (const auto& thread : std::filesystem::directory_iterator{fmt::format("/proc/{}/task", pid_), failure}) {
        const auto name = thread.path().filename().string();
        id_t id = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), id).ec == std::errc{})
            (void)::setpriority(PRIO_PROCESS, id, nice);
    }
    std::ofstream{fmt::format("/proc/{}/autogroup", pid_)} << nice;
}

void WorkerProcess::lose(const std::string& why) {
    if (ended_) return;
    ended_ = true;
    close();
    const bool was_ending = is_ending(pid_); // then the signal below is not what ended it
    const auto status = reap();
    const bool from_outside =
        why.empty() && was_ending && status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL;
    const auto told = std::exchange(on_lost_, nullptr);
    on_message_ = nullptr;
    if (told) told(why.empty() ? ending(status) : why, from_outside);
}

void WorkerProcess::end() {
    if (ended_) return;
    ended_ = true;
    close();
    reap();
    // The callbacks may own what owns this; they are dropped by the one who calls, or with this object.
}

} // namespace millrace::inference
