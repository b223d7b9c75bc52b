// The sockets that are listened on. Opened on any thread before start(); then everything runs on the accepting
// thread, the pool's first.
#pragma once
#include "async/awaitable.hpp"
#include "base/result.hpp"
#include "http/connection.hpp"
#include "http/session.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace millrace::http {

class Listeners {
public:
    // `pick` gives the lane of the next connection; `take` gets it with its peer. Both run on the accepting thread.
    using Pick = std::function<Lane&()>;
    using Take = std::function<void(Socket, Lane&, Peer)>;

    Listeners(asio::io_context& context, telemetry::Log& log) : context_{&context}, log_{&log} {}
    ~Listeners();

    Result<void> open_tcp(const std::string& host, std::uint16_t port);
    Result<void> open_unix(const std::filesystem::path& path);
    std::uint16_t port() const { return port_; }

    void start(const Pick& pick, const Take& take);
    void stop(); // on the accepting thread, or when it has ended

private:
    using Tcp = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;
    using Unix = asio::basic_socket_acceptor<asio::local::stream_protocol, asio::io_context::executor_type>;

    asio::io_context* context_;
    telemetry::Log* log_;
    // Shared with the accepting coroutines, which see the closing only after stop() has returned.
    std::shared_ptr<Tcp> tcp_;
    std::shared_ptr<Unix> unix_;
    std::uint16_t port_ = 0;
    std::filesystem::path path_;
};

} // namespace millrace::http
