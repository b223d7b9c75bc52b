// The engine starts its own executable as the worker; in this test program that is the program itself. What the sandbox
// allows is asked of a process that has entered it: `test_inference sandbox-probe [gpu|no-landlock]`.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "inference/engine.hpp"
#include "inference/worker/run.hpp"
#include "inference/worker/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string_view>
#include <thread>

namespace {

// Each attempt prints "NAME allowed" or "NAME denied".
void report(const char* name, bool allowed) { std::printf("%s %s\n", name, allowed ? "allowed" : "denied"); }

int probe_sandbox(bool gpu, bool landlock) {
    using namespace millrace::inference::worker;
    const int kept = ::dup(1);
    const SandboxOptions options{millrace::inference::find_runtime(), std::uint64_t{4} << 30, gpu, landlock};
    if (!restrict_early(options, 0)) return 3;
    auto confinement = restrict_fully(options);
    if (!confinement) {
        std::printf("sandbox: %s\n", confinement.error().detail.c_str());
        return 3;
    }
    confinement->denials.reset(); // nobody listens here; refused all the same
    std::printf("in force: %s\n", confinement->summary.c_str());
    const auto try_open = [](const char* path, int flags) {
        const int fd = ::open(path, flags, 0600);
        if (fd >= 0) ::close(fd);
        return fd >= 0;
    };
    report("create-file", try_open("millrace-escape", O_WRONLY | O_CREAT));
    report("write-null", try_open("/dev/null", O_WRONLY));
    report("read-passwd", try_open("/etc/passwd", O_RDONLY));
    report("read-cpuinfo", try_open("/proc/cpuinfo", O_RDONLY));
    report("tcp-socket", ::socket(AF_INET, SOCK_STREAM, 0) >= 0);
    report("unix-socket", ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    const auto child = ::fork();
    if (child == 0) ::_exit(0);
    report("fork", child > 0);
    char* arguments[] = {const_cast<char*>("/bin/true"), nullptr};
    report("exec", ::execv("/bin/true", arguments) == 0);
    report("ptrace", ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0);
    report("kill-parent", ::kill(::getppid(), 0) == 0);
    cpu_set_t processors;
    CPU_ZERO(&processors);
    CPU_SET(0, &processors);
    report("pin-parent", ::sched_setaffinity(::getppid(), sizeof processors, &processors) == 0);
    const rlimit more{RLIM_INFINITY, RLIM_INFINITY};
    report("raise-limit", ::setrlimit(RLIMIT_FSIZE, &more) == 0);
    report("unlink", ::unlink("/nonexistent") == 0 || errno == ENOENT);
    bool ran = false;
    std::thread{[&] { ran = true; }}.join();
    report("thread", ran);
    report("memory", std::vector<char>(64u << 20, 1).back() == 1);
    std::fflush(stdout);
    ::close(kept);
    ::_exit(0);
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view{argv[1]} == "worker") return millrace::inference::worker::run(argc, argv);
    if (argc > 1 && std::string_view{argv[1]} == "sandbox-probe") {
        const auto has = [&](std::string_view word) { return argc > 2 && argv[2] == word; };
        return probe_sandbox(has("gpu"), !has("no-landlock"));
    }
    return doctest::Context{argc, argv}.run();
}
