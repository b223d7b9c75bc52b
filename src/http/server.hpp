// Listens on a TCP address and on a unix socket, and runs a session for each connection on one io thread of the
// pool. HTTP/1.1 and 1.0, keep-alive and pipelining; see session.cpp for what a session refuses.
#pragma once
#include "async/io_pool.hpp"
#include "async/thread_pool.hpp"
#include "http/limits.hpp"
#include "http/router.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace millrace::http {

struct ServerOptions {
    std::string host = "127.0.0.1"; // empty: no TCP
    std::uint16_t port = 7878;      // 0: the kernel picks; see Server::port()
    std::filesystem::path socket;   // empty: no unix socket. A stale one is replaced; mode 0660
    Limits limits;
};

// What happened, for the access log. Valid during the call.
struct Exchange {
    const Request& request;
    const Route* route;            // null when none was found or the request was refused before
    unsigned status;               // 0: the connection broke before an answer began
    std::uint64_t body_bytes;      // sent
    std::chrono::nanoseconds took; // from the header's last byte to the answer's last
};

struct Hooks {
    // Runs after the header is accepted and before any byte of the body is read or `100 Continue` is sent:
    // authentication and limits. A value is the answer, and the handler does not run.
    std::function<awaitable<std::optional<Response>>(Request&, const Route&)> before_body;
    // On the session's io thread; must not block.
    std::function<void(const Exchange&)> after{};
    // The last look at every answer, the server's own refusals included: for a protocol whose errors have a form of
    // their own. On the session's io thread; must not block. A request that was refused for its header may have no
    // path.
    std::function<void(const Request&, Response&)> before_send{};
};

class Server {
public:
    // Borrows everything until the io pool has stopped; the router must not change any more. Nothing is opened
    // before listen().
    Server(ServerOptions options, const Router& router, Hooks hooks, async::IoPool& io, async::ThreadPool& files,
           telemetry::Log& log, telemetry::Metrics& metrics);
    ~Server(); // drain() without patience, when it was not called; before the io pool is destroyed
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Opens the sockets and begins to accept. unavailable, with the address and the reason, when it cannot.
    Result<void> listen();
    std::uint16_t port() const; // the bound TCP port; 0 without one

    // Stops accepting, closes idle connections, lets busy ones finish their request without keep-alive, and after
    // `patience` closes the rest. Blocks; never call it on an io thread. True when all ended by themselves.
    bool drain(std::chrono::milliseconds patience);

    std::size_t connections() const; // open now

private:
    struct Core; // shared with the sessions, which may outlive the Server inside a stopped io_context
    std::shared_ptr<Core> core_;
};

} // namespace millrace::http
