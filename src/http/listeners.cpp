#include "http/listeners.hpp"

#include "telemetry/log_limit.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::http {
namespace {

namespace ip = asio::ip;
using Local = asio::local::stream_protocol;
constexpr std::chrono::milliseconds pause_after_failure{100}; // out of descriptors: let some connections end

// A descriptor in hand for when there is none: then it is given up, and whoever waits is let in and closed at once
// rather than left without an answer.
class SpareDescriptor {
public:
    SpareDescriptor() : spare_{take()} {}
    ~SpareDescriptor() {
        if (spare_ >= 0) ::close(spare_);
    }
    SpareDescriptor(const SpareDescriptor&) = delete;
    SpareDescriptor& operator=(const SpareDescriptor&) = delete;

    void turn_away(int listening) {
        if (spare_ >= 0) ::close(spare_);
        if (const int one = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); one >= 0)
            ::close(one);
        spare_ = take();
    }

private:
    static int take() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
    int spare_;
};

bool no_descriptors(const boost::system::error_code& error) {
    return error == boost::system::errc::too_many_files_open ||
           error == boost::system::errc::too_many_files_open_in_system;
}

Error cannot_listen(const std::string& where, const std::string& why) {
    return {Code::unavailable, fmt::format("cannot listen on {}: {}", where, why)};
}

Peer describe(const ip::tcp::endpoint& endpoint) {
    auto address = endpoint.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
    Peer peer;
    peer.address = address.to_string();
    peer.loopback = address.is_loopback();
    return peer;
}

template <class AnySocket>
std::optional<Peer> prepare(AnySocket& socket, const ip::tcp::endpoint& endpoint) {
    boost::system::error_code ignored;
    socket.set_option(ip::tcp::no_delay{true}, ignored);
    return describe(endpoint);
}

template <class AnySocket>
std::optional<Peer> prepare(AnySocket& socket, const Local::endpoint&) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
    Peer peer;
    peer.address = "unix";
    peer.uid = credentials.uid;
    return peer;
}

template <class Acceptor>
awaitable<void> accept_all(std::shared_ptr<Acceptor> acceptor, Listeners::Pick pick, Listeners::Take take,
                           telemetry::Log* log) {
    typename Acceptor::protocol_type::endpoint endpoint;
    asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, asio::io_context::executor_type> pause{
        acceptor->get_executor()};
    SpareDescriptor spare;
    telemetry::LogLimit failures{1};
    while (acceptor->is_open()) {
        auto& lane = pick();
        auto accepted = co_await acceptor->async_accept(lane.context(), endpoint, asio::as_tuple(asio::use_awaitable));
        auto& [error, socket] = accepted;
        if (error == asio::error::operation_aborted) co_return;
        if (error == asio::error::connection_aborted) continue;
        if (error) {
            if (const auto line = failures.ask())
                log->warning("cannot accept a connection", {{"error", error.message()}, {"left_out", line->left_out}});
            if (no_descriptors(error)) spare.turn_away(acceptor->native_handle());
            pause.expires_after(pause_after_failure);
            co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
            continue;
        }
        auto peer = prepare(socket, endpoint);
        if (peer) take(Socket{std::move(socket)}, lane, std::move(*peer));
    }
}

} // namespace

Listeners::~Listeners() { stop(); }

Result<void> Listeners::open_tcp(const std::string& host, std::uint16_t port) {
    const auto where = fmt::format("{}:{}", host, port);
    boost::system::error_code error;
    auto address = ip::make_address(host, error);
    if (error) {
        ip::tcp::resolver resolver{*context_};
        const auto found = resolver.resolve(host, std::to_string(port), ip::resolver_base::passive, error);
        if (error || found.empty()) return cannot_listen(where, error.message());
        address = found.begin()->endpoint().address();
    }
    const ip::tcp::endpoint endpoint{address, port};
    auto acceptor = std::make_shared<Tcp>(*context_);
    acceptor->open(endpoint.protocol(), error);
    if (!error) acceptor->set_option(ip::tcp::acceptor::reuse_address{true}, error);
    if (!error) acceptor->bind(endpoint, error);
    if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(where, error.message());
    port_ = acceptor->local_endpoint().port();
    tcp_ = std::move(acceptor);
    return success();
}

Result<void> Listeners::open_unix(const std::filesystem::path& path) {
    if (path.native().size() >= sizeof(sockaddr_un::sun_path))
        return cannot_listen(path.native(), "the path is longer than a unix socket's may be");
    boost::system::error_code error;
    asio::basic_stream_socket<Local, asio::io_context::executor_type> probe{*context_};
    probe.connect(Local::endpoint{path.native()}, error);
    if (!error) return cannot_listen(path.native(), "another process does already");
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) { // nobody answers: what a dead process left
        if (!S_ISSOCK(status.st_mode)) return cannot_listen(path.native(), "it exists and is no socket");
        ::unlink(path.c_str());
    }
    auto acceptor = std::make_shared<Unix>(*context_);
    acceptor->open(Local{}, error);
    if (!error) acceptor->bind(Local::endpoint{path.native()}, error);
    // Nobody can connect before listen(), so the mode is in force in time.
    if (!error && ::chmod(path.c_str(), 0660) != 0) error.assign(errno, boost::system::system_category());
    if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(path.native(), error.message());
    unix_ = std::move(acceptor);
    path_ = path;
    return success();
}

void Listeners::start(const Pick& pick, const Take& take) {
    if (tcp_) asio::co_spawn(*context_, accept_all(tcp_, pick, take, log_), asio::detached);
    if (unix_) asio::co_spawn(*context_, accept_all(unix_, pick, take, log_), asio::detached);
}

void Listeners::stop() {
    boost::system::error_code ignored;
    if (tcp_) tcp_->close(ignored);
    if (unix_) {
        unix_->close(ignored);
        ::unlink(path_.c_str());
    }
    tcp_.reset();
    unix_.reset();
}

} // namespace millrace::http
