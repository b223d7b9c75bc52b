#include "processors/exec/guard.hpp"

#include "processors/exec/descendants.hpp"
#include "processors/exec/scratch.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace millrace::processors {
namespace {

constexpr rlim_t open_files = 1024;
// Who stops the service may signal all its processes; the guard still has its work to do then.
constexpr int ignored_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT};

void limit(int resource, rlim_t value) {
    const rlimit both{value, value};
    ::setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

// In the child; returns errno when the program cannot be run.
int become_command(pid_t guard, rlim_t memory, const char* scratch, char** command) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // the guard has one thread: this is the guard's own death
    if (::getppid() != guard) return ESRCH;
    for (const int signal : ignored_signals) ::signal(signal, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::umask(0077);
    if (::chdir(scratch) != 0) return errno;
    ::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, open_files);
    if (memory > 0) limit(RLIMIT_AS, memory);
    ::execve(command[0], command, environ);
    return errno;
}

// The command's process, or errno why there is none.
struct Started {
    pid_t pid = 0;
    int error = 0;
};

Started start_command(rlim_t memory, const char* scratch, char** command) {
    int failure[2];
    if (::pipe2(failure, O_CLOEXEC) != 0) return {0, errno};
    const pid_t guard = ::getpid(), pid = ::fork();
    if (pid < 0) return {0, errno};
    if (pid == 0) {
        const int error = become_command(guard, memory, scratch, command);
        if (::write(failure[1], &error, sizeof error) < 0) ::_exit(126);
        ::_exit(127);
    }
    ::close(failure[1]);
    Started started{pid, 0};
    while (::read(failure[0], &started.error, sizeof started.error) < 0 && errno == EINTR) {}
    ::close(failure[0]);
    return started;
}

// The command's end, seen but not yet collected, so that its process group cannot be another's meanwhile. What else has
// ended was left behind by it.
bool has_ended(pid_t command) {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return false;
        if (info.si_pid == command) return true;
        ::waitpid(info.si_pid, nullptr, 0);
    }
}

// Returns when the command has ended, or must.
void watch(pid_t command, int child_signals) {
    pollfd sources[] = {{guard_control, POLLIN, 0}, {child_signals, POLLIN, 0}};
    while (!has_ended(command)) {
        if (::poll(sources, 2, -1) < 0 && errno != EINTR) return;
        if (sources[1].revents != 0) {
            signalfd_siginfo seen{};
            (void)!::read(child_signals, &seen, sizeof seen);
        }
        if (sources[0].revents == 0) continue;
        char said = 0;
        const auto n = ::recv(guard_control, &said, 1, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return; // the daemon wants its end, or is gone
        if (n == 1 && said == guard_terminate) ::kill(-command, SIGTERM);
    }
}

// SIGCHLD as something to poll for.
int prepare() {
    for (const int signal : ignored_signals) ::signal(signal, SIG_IGN);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sigset_t children;
    ::sigemptyset(&children);
    ::sigaddset(&children, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &children, nullptr);
    return ::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

// The command's pipes must end with the command.
void let_go_of_pipes() {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {0, 1, 2}) ::dup2(null, fd);
    ::close(null);
}

GuardReport run_command(rlim_t memory, const char* scratch, char** command) {
    const int child_signals = prepare();
    if (child_signals < 0) return {GuardReport::Kind::not_started, errno};
    if (const int error = make_scratch(scratch)) return {GuardReport::Kind::not_started, error};
    const auto started = start_command(memory, scratch, command);
    let_go_of_pipes();
    if (started.pid > 0 && started.error == 0) watch(started.pid, child_signals);
    int status = 0;
    if (started.pid > 0) {
        ::kill(-started.pid, SIGKILL);
        ::kill(started.pid, SIGKILL);
        while (::waitpid(started.pid, &status, 0) < 0 && errno == EINTR) {}
    }
    kill_descendants();
    remove_scratch(scratch);
    if (started.error != 0) return {GuardReport::Kind::not_started, started.error};
    return {GuardReport::Kind::ended, status};
}

} // namespace

int run_guard(int argc, char** argv) {
    int type = 0;
    socklen_t size = sizeof type;
    if (argc < 5 || ::getsockopt(guard_control, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        std::fputs("millrace exec-guard is started by millrace serve\n", stderr);
        return 2;
    }
    ::prctl(PR_SET_NAME, "millrace-exec");
    const auto report = run_command(std::strtoull(argv[2], nullptr, 10), argv[3], argv + 4);
    (void)!::send(guard_control, &report, sizeof report, MSG_NOSIGNAL); // nobody hears it when the daemon is gone
    return 0;
}

} // namespace millrace::processors
