#include "processors/exec/spawn.hpp"

#include "processors/exec/guard.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace millrace::processors {
namespace {

Error failed(std::string_view what, int error) {
    return {Code::unavailable, fmt::format("the command cannot be started: {}: {}", what, ::strerror(error))};
}

// A sealed file in memory: unlike a pipe it needs nobody who writes while the program reads, or does not.
Result<Descriptor> input_file(std::string_view input) {
    Descriptor file{::memfd_create("exec-input", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!file) return failed("no memory for its input", errno);
    for (std::size_t at = 0; at < input.size();) {
        const auto n = ::write(file.get(), input.data() + at, input.size() - at);
        if (n < 0 && errno != EINTR) return failed("no memory for its input", errno);
        if (n > 0) at += static_cast<std::size_t>(n);
    }
    ::lseek(file.get(), 0, SEEK_SET);
    ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return file;
}

struct Pair {
    Descriptor ours, theirs;
};

Result<Pair> output_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed("no pipe", errno);
    return Pair{Descriptor{ends[0]}, Descriptor{ends[1]}};
}

Result<Pair> control_socket() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed("no socket", errno);
    return Pair{Descriptor{ends[0]}, Descriptor{ends[1]}};
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> list;
    list.reserve(strings.size() + 1);
    for (auto& text : strings) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

// posix_spawn shares the memory until the exec: nothing of the daemon is copied, however large it is.
class SpawnSettings {
public:
    SpawnSettings(int input, int output, int errors, int control) {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawn_file_actions_adddup2(&actions_, input, 0);
        ::posix_spawn_file_actions_adddup2(&actions_, output, 1);
        ::posix_spawn_file_actions_adddup2(&actions_, errors, 2);
        ::posix_spawn_file_actions_adddup2(&actions_, control, guard_control);
        ::posix_spawn_file_actions_addclosefrom_np(&actions_, guard_control + 1);
        ::posix_spawnattr_init(&attributes_);
        sigset_t none;
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    }
    ~SpawnSettings() {
        ::posix_spawnattr_destroy(&attributes_);
        ::posix_spawn_file_actions_destroy(&actions_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    int spawn(pid_t& pid, const std::string& executable, char** arguments, char** environment) const {
        return ::posix_spawn(&pid, executable.c_str(), &actions_, &attributes_, arguments, environment);
    }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

} // namespace

Result<Spawned> spawn_guard(const Launch& launch) {
    auto input = input_file(launch.input);
    if (!input) return input.error();
    auto output = output_pipe(), errors = output_pipe(), control = control_socket();
    if (!output) return output.error();
    if (!errors) return errors.error();
    if (!control) return control.error();

    std::vector<std::string> arguments{"millrace", "exec-guard", std::to_string(launch.memory_bytes), launch.scratch};
    arguments.insert(arguments.end(), launch.command.begin(), launch.command.end());
    auto environment = launch.environment;
    const auto argument_list = pointers(arguments), environment_list = pointers(environment);
    const SpawnSettings settings{input->get(), output->theirs.get(), errors->theirs.get(), control->theirs.get()};
    Spawned spawned;
    if (const int error = settings.spawn(spawned.pid, launch.executable, const_cast<char**>(argument_list.data()),
                                         const_cast<char**>(environment_list.data())))
        return failed(launch.executable.string(), error);
    spawned.process = Descriptor{static_cast<int>(::syscall(SYS_pidfd_open, spawned.pid, 0))};
    if (!spawned.process) {
        const int error = errno;
        ::kill(spawned.pid, SIGKILL); // it has not started anything that would outlive it
        ::waitpid(spawned.pid, nullptr, 0);
        return failed("no descriptor", error);
    }
    spawned.output = std::move(output->ours);
    spawned.errors = std::move(errors->ours);
    spawned.control = std::move(control->ours);
    return spawned;
}

} // namespace millrace::processors
