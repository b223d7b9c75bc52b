#include "inference/channel.hpp"

#include "inference/frames/frame.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace millrace::inference {
namespace {

// Before every frame. `large`: the body is in the first descriptor.
struct Header {
    std::uint32_t magic = 0x4d524631; // "1FRM"
    std::uint32_t large = 0;
    std::uint64_t size = 0;
};

ChannelStatus status_of(int error) {
    if (error == EAGAIN || error == EWOULDBLOCK) return ChannelStatus::would_block;
    if (error == EPIPE || error == ECONNRESET || error == ENOTCONN) return ChannelStatus::closed;
    return ChannelStatus::broken;
}

void take_descriptors(const msghdr& message, std::vector<Descriptor>& out) {
    for (auto* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(const_cast<msghdr*>(&message), c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        const auto count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
            out.emplace_back(fd);
        }
    }
}

} // namespace

Descriptor sealed_memory(std::string_view bytes) {
    Descriptor memory{::memfd_create("millrace-frame", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!memory || ::ftruncate(memory.get(), static_cast<off_t>(bytes.size())) != 0) return {};
    while (!bytes.empty()) {
        const auto n = ::write(memory.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return {};
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return memory;
}

std::pair<Descriptor, Descriptor> make_channel() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::system_error{errno, std::generic_category(), "socketpair"};
    const int buffer = 4 * static_cast<int>(max_inline_frame); // as much of it as the system grants
    for (const int end : ends) ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    return {Descriptor{ends[0]}, Descriptor{ends[1]}};
}

ChannelStatus send_frame(int socket, std::string_view body, std::span<const int> descriptors) {
    Header header;
    header.size = body.size();
    Descriptor memory;
    std::vector<int> sent(descriptors.begin(), descriptors.end());
    if (body.size() > max_inline_frame) {
        header.large = 1;
        memory = sealed_memory(body);
        if (!memory) return ChannelStatus::broken;
        sent.insert(sent.begin(), memory.get());
        body = {};
    }
    if (sent.size() > frame::max_descriptors + 1) return ChannelStatus::broken;

    iovec parts[2] = {{&header, sizeof header}, {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * (frame::max_descriptors + 1))];
    if (!sent.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * sent.size());
        auto* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * sent.size());
        std::memcpy(CMSG_DATA(c), sent.data(), sizeof(int) * sent.size());
    }
    for (;;) {
        if (::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return ChannelStatus::done;
        if (errno != EINTR) return status_of(errno);
    }
}

ChannelStatus receive_frame(int socket, Received& received) {
    received.body.clear();
    received.descriptors.clear();
    static thread_local std::vector<char> buffer(max_inline_frame);
    Header header;
    iovec parts[2] = {{&header, sizeof header}, {buffer.data(), buffer.size()}};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * (frame::max_descriptors + 1))];
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t n;
    do n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0) return status_of(errno);
    take_descriptors(message, received.descriptors); // first of all: they are ours to close now
    if (n == 0) return ChannelStatus::closed;
    const auto length = static_cast<std::size_t>(n);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || length < sizeof header || header.magic != Header{}.magic ||
        header.large > 1)
        return ChannelStatus::broken;
    const auto inlined = length - sizeof header;
    if (!header.large) {
        if (header.size != inlined) return ChannelStatus::broken;
        received.body.assign(buffer.data(), inlined);
        return ChannelStatus::done;
    }
    if (inlined != 0 || received.descriptors.empty() || header.size > max_frame) return ChannelStatus::broken;
    auto body = read_exactly(received.descriptors.front().get(), header.size);
    if (!body) return ChannelStatus::broken;
    received.body = std::move(*body);
    received.descriptors.erase(received.descriptors.begin());
    return ChannelStatus::done;
}

std::optional<std::string> read_exactly(int descriptor, std::uint64_t size) {
    struct stat info {};
    // The size is asked for first: nothing is reserved on the word of the sender alone.
    if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) < size)
        return std::nullopt;
    std::string bytes(size, '\0');
    std::uint64_t at = 0;
    while (at < size) {
        const auto n = ::pread(descriptor, bytes.data() + at, size - at, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return std::nullopt;
        at += static_cast<std::uint64_t>(n);
    }
    return bytes;
}

} // namespace millrace::inference
