#include "inference/process/denial_watch.hpp"

#include <fmt/format.h>

#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

namespace millrace::inference {
namespace {

constexpr int answered_at_once = 64;
constexpr std::chrono::milliseconds pause_after{10}; // between the answers that follow

std::string family_name(std::uint64_t family) {
    switch (family) {
    case AF_UNIX: return "AF_UNIX";
    case AF_INET: return "AF_INET";
    case AF_INET6: return "AF_INET6";
    case AF_NETLINK: return "AF_NETLINK";
    case AF_PACKET: return "AF_PACKET";
    default: return fmt::format("family {}", family);
    }
}

std::string type_name(std::uint64_t type) {
    switch (type & 0xf) {
    case SOCK_STREAM: return "SOCK_STREAM";
    case SOCK_DGRAM: return "SOCK_DGRAM";
    case SOCK_RAW: return "SOCK_RAW";
    default: return fmt::format("type {}", type & 0xf);
    }
}

// From the registers alone: what pointers point at belongs to the worker, and may change under the reader.
std::string describe(const seccomp_data& data) {
    switch (data.nr) {
    case SYS_socket:
    case SYS_socketpair: return family_name(data.args[0]) + ", " + type_name(data.args[1]);
    case SYS_kill:
    case SYS_tkill:
        return fmt::format("process {}, signal {}", static_cast<int>(data.args[0]), static_cast<int>(data.args[1]));
    case SYS_tgkill:
        return fmt::format("process {}, signal {}", static_cast<int>(data.args[0]), static_cast<int>(data.args[2]));
    case SYS_ptrace:
        return fmt::format("request {}, process {}", static_cast<long>(data.args[0]), static_cast<int>(data.args[1]));
    case SYS_openat: return fmt::format("flags {:#o}", data.args[2]);
    case SYS_open: return fmt::format("flags {:#o}", data.args[1]);
    case SYS_prlimit64: return fmt::format("limit {}", data.args[1]);
    case SYS_setrlimit: return fmt::format("limit {}", data.args[0]);
    default: return {};
    }
}

std::string call_name(int number) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    std::string text = name ? name : fmt::format("call {}", number);
    std::free(name);
    return text;
}

bool has_waiting(int listener) {
    pollfd look{listener, POLLIN, 0};
    return ::poll(&look, 1, 0) > 0 && (look.revents & POLLIN);
}

} // namespace

DenialWatch::DenialWatch(EngineLoop& loop, Descriptor listener, OnDenied on_denied)
    : loop_{loop},
      listener_{loop.context(), listener.release()},
      timer_{loop.context()},
      on_denied_{std::move(on_denied)} {}

std::shared_ptr<DenialWatch> DenialWatch::start(EngineLoop& loop, Descriptor listener, OnDenied on_denied) {
    std::shared_ptr<DenialWatch> watch{new DenialWatch{loop, std::move(listener), std::move(on_denied)}};
    watch->wait();
    return watch;
}

void DenialWatch::stop() {
    boost::system::error_code ignored;
    listener_.close(ignored);
    timer_.cancel();
    on_denied_ = nullptr;
}

void DenialWatch::wait() {
    listener_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         loop_.in_turn([self = shared_from_this()](const boost::system::error_code& failure) {
                             if (failure || !self->listener_.is_open() || !self->answer_one()) return;
                             if (++self->answered_ > answered_at_once) self->pause();
                             else self->wait();
                         }));
}

void DenialWatch::pause() {
    timer_.expires_after(pause_after);
    timer_.async_wait(loop_.in_turn([self = shared_from_this()](const boost::system::error_code& failure) {
        if (!failure && self->listener_.is_open()) self->wait();
    }));
}

bool DenialWatch::answer_one() {
    const int listener = listener_.native_handle();
    // Receiving waits when there is nothing: at the worker's end the descriptor is readable without it.
    if (!has_waiting(listener)) return false;
    seccomp_notif call{};
    if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return errno == ENOENT || errno == EINTR;
    if (const auto tell = on_denied_) tell({call_name(call.data.nr), describe(call.data)});
    if (!listener_.is_open()) return false; // who was told has ended it
    seccomp_notif_resp answer{};
    answer.id = call.id;
    answer.error = -EPERM;
    ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer); // fails when the caller is gone: then nobody waits
    return true;
}

} // namespace millrace::inference
