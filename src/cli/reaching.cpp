#include "cli/reaching.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace millrace::cli {
namespace {

Failure cannot_reach(const std::filesystem::path& socket, int error) {
    const auto path = socket.string();
    if (error == ENOENT)
        return {unreachable,
                fmt::format("cannot reach the daemon: there is no socket {}\n"
                            "  start a daemon:     millrace serve\n"
                            "  or, as a service:   systemctl start millrace\n"
                            "  or name its folder: --data DIR, as given to serve (or its socket: --socket PATH)\n"
                            "  or one elsewhere:   --url URL --key KEY",
                            path)};
    if (error == ECONNREFUSED)
        return {unreachable,
                fmt::format("cannot reach the daemon: nothing listens at {}\n"
                            "  it was stopped or has died; start it again: millrace serve, or systemctl start millrace",
                            path)};
    if (error == EACCES || error == EPERM)
        return {unreachable, fmt::format("cannot reach the daemon: no permission for {}\n"
                                         "  commands run as the daemon's own user or as root: sudo millrace ...",
                                         path)};
    return {unreachable, fmt::format("cannot reach the daemon at {}: {}", path, std::strerror(error))};
}

Descriptor reach_socket(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto text = path.string();
    if (text.size() >= sizeof address.sun_path) throw cannot_reach(path, ENAMETOOLONG);
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket) throw cannot_reach(path, errno);
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        if (errno != EINTR) throw cannot_reach(path, errno);
    return socket;
}

// 0, or why not.
int finish_connecting(int socket, double timeout) {
    pollfd entry{socket, POLLOUT, 0};
    int ready;
    do ready = ::poll(&entry, 1, static_cast<int>(std::min(timeout, 1e6) * 1000));
    while (ready < 0 && errno == EINTR);
    if (ready == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Descriptor reach_host(const Endpoint& endpoint, double timeout) {
    addrinfo wanted{}, *found = nullptr;
    wanted.ai_socktype = SOCK_STREAM;
    if (const int error = ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &wanted, &found);
        error != 0)
        throw Failure{unreachable, fmt::format("cannot reach the daemon at {}: {}", endpoint.text(),
                                               error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error))};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses{found, &::freeaddrinfo};
    int error = EADDRNOTAVAIL;
    for (const auto* each = found; each; each = each->ai_next) {
        Descriptor socket{::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        if (!socket) {
            error = errno;
            continue;
        }
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        error = ::connect(socket.get(), each->ai_addr, each->ai_addrlen) == 0 ? 0 : errno;
        if (error == EINPROGRESS) error = finish_connecting(socket.get(), timeout);
        if (error == 0) return socket;
    }
    throw Failure{unreachable, fmt::format("cannot reach the daemon at {}: {}\n"
                                           "  it listens on 127.0.0.1 alone unless http.listen says otherwise",
                                           endpoint.text(), std::strerror(error))};
}

} // namespace

Descriptor reach(const Endpoint& endpoint, double timeout) {
    return endpoint.is_remote() ? reach_host(endpoint, timeout) : reach_socket(endpoint.socket);
}

} // namespace millrace::cli
