#include "acts.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>

namespace hostile {
namespace {

constexpr int channel = 3;

std::string path(int number) { return "/tmp/millrace-hostile-" + std::to_string(number); }

bool opens(const std::string& file, int flags) {
    const int fd = ::open(file.c_str(), flags, 0600);
    if (fd < 0) return false;
    if (flags & O_CREAT) (void)!::write(fd, "escaped", 7);
    ::close(fd);
    return true;
}

bool connects(int family, int type) {
    const int fd = ::socket(family, type, 0);
    if (fd < 0) return false;
    ::close(fd);
    return true;
}

bool forks() {
    const auto child = ::fork();
    if (child == 0) ::_exit(0);
    if (child > 0) ::waitpid(child, nullptr, 0);
    return child > 0;
}

bool executes() {
    char* arguments[] = {const_cast<char*>("/bin/true"), nullptr};
    return ::execve("/bin/true", arguments, nullptr) == 0;
}

bool pins_parent() {
    cpu_set_t processors;
    CPU_ZERO(&processors);
    CPU_SET(0, &processors);
    return ::sched_setaffinity(::getppid(), sizeof processors, &processors) == 0;
}

bool raises_limit() {
    const rlimit more{RLIM_INFINITY, RLIM_INFINITY};
    return ::setrlimit(RLIMIT_FSIZE, &more) == 0;
}

bool reads_parent() {
    char bytes[16];
    iovec here{bytes, sizeof bytes}, there{reinterpret_cast<void*>(0x400000), sizeof bytes};
    return ::process_vm_readv(::getppid(), &here, 1, &there, 1, 0) > 0;
}

using Attempts = std::map<int, std::function<bool(int)>>;

const Attempts& attempts() {
    static const Attempts table{
        {read_shadow, [](int) { return opens("/etc/shadow", O_RDONLY); }},
        {read_secret, [](int n) { return opens(path(n), O_RDONLY); }},
        {write_file, [](int n) { return opens(path(n), O_WRONLY | O_CREAT); }},
        {tcp_socket, [](int) { return connects(AF_INET, SOCK_STREAM); }},
        {udp_socket, [](int) { return connects(AF_INET6, SOCK_DGRAM); }},
        {unix_socket, [](int) { return connects(AF_UNIX, SOCK_STREAM); }},
        {fork_process, [](int) { return forks(); }},
        {run_command, [](int n) { return std::system(("touch " + path(n)).c_str()) == 0; }},
        {execute, [](int) { return executes(); }},
        {trace_parent, [](int) { return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == 0; }},
        {kill_parent, [](int) { return ::kill(::getppid(), SIGKILL) == 0; }},
        {raise_limit, [](int) { return raises_limit(); }},
        {remove_file, [](int n) { return ::unlink(path(n).c_str()) == 0; }},
        {pin_parent, [](int) { return pins_parent(); }},
        {read_parent, [](int) { return reads_parent(); }},
        {io_ring, [](int) { return ::syscall(SYS_io_uring_setup, 8, nullptr) >= 0 || errno == EFAULT; }},
        {mount_something, [](int) { return ::mount("none", "/mnt", "tmpfs", 0, nullptr) == 0; }},
    };
    return table;
}

void send_frame(const std::string& body, std::uint64_t claimed, std::uint32_t large = 0) {
    struct {
        std::uint32_t magic = 0x4d524631, large;
        std::uint64_t size;
    } header;
    header.large = large;
    header.size = claimed;
    iovec parts[2] = {{&header, sizeof header}, {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    ::sendmsg(channel, &message, MSG_NOSIGNAL);
}

std::string little_endian(std::uint64_t value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

// Which batch it runs a runtime is not told, but they are numbered.
[[noreturn]] void start_again_and_again() {
    for (;; ::usleep(50'000))
        for (std::uint64_t batch = 1; batch <= 100; ++batch) send_frame("\2" + little_endian(batch), 9);
}

void take_memory_in_blocks(std::size_t smallest) {
    for (std::size_t size = std::size_t{1} << 28; size >= smallest;)
        if (void* block = std::malloc(size)) std::memset(block, 1, 1);
        else size /= 2;
}

} // namespace

std::string attempt(int act, int number) {
    if (act == every_call) {
        std::string escaped;
        for (const auto& [other, run] : attempts())
            if (other != run_command && run(number)) escaped += " " + std::to_string(other);
        return escaped.empty() ? "refused: all" : "ESCAPED:" + escaped;
    }
    if (act == many_sockets) {
        for (int i = 0; i < 150; ++i)
            if (connects(AF_INET, SOCK_STREAM)) return "ESCAPED: a socket";
        return "refused: all";
    }
    errno = 0;
    if (attempts().at(act)(number)) return "ESCAPED: " + std::to_string(act);
    return std::string{"refused: "} + ::strerror(errno);
}

void misbehave(int act) {
    volatile std::uint64_t turns = 0;
    switch (act) {
    case take_memory: take_memory_in_blocks(4096); break;
    case keep_memory: take_memory_in_blocks(std::size_t{8} << 20); break;
    case hang:
        for (;;) ::sleep(1000);
    case spin:
        for (;;) turns = turns + 1;
    case spin_aside:
        std::thread{[] {
            for (volatile std::uint64_t n = 0;;) n = n + 1;
        }}.detach();
        break;
    case abort_process: std::abort();
    case segmentation_fault: *reinterpret_cast<volatile int*>(8) = 1; break;
    case leave: ::_exit(0);
    case close_channel: ::close(channel); break;
    case write_garbage: (void)!::write(channel, "garbage", 7); break;
    case answer_for_another: // Done: its index, a batch that nobody sent, the time of decoding, no items
        send_frame("\3" + little_endian(99999) + little_endian(0) + std::string(4, '\0'), 21);
        break;
    case greet_again: { // Hello: protocol, three texts, threads, error; all empty
        const std::string body = std::string("\0\1\0\0\0", 5) + std::string(8 * 3 + 4 + 8, '\0');
        send_frame(body, body.size());
        break;
    }
    case start_for_ever: start_again_and_again();
    case claim_much: send_frame("", std::uint64_t{1} << 40, 1); break;
    case print_lines:
        for (int i = 0; i < 1000; ++i)
            std::puts("ts=2026-01-01T00:00:00Z level=info event=\"all is well\" forged=true");
        std::fflush(stdout);
        break;
    default: break;
    }
}

} // namespace hostile
