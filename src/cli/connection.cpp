#include "cli/connection.hpp"

#include "base/trusted_authorities.hpp"
#include "cli/reaching.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace millrace::cli {
namespace {

using boost::system::error_code;

error_code system_error(int number) { return {number, boost::system::system_category()}; }

std::size_t moved(ssize_t result, error_code& failure) {
    const bool in_vain = result < 0 && (errno == EINTR || errno == EAGAIN);
    failure = result < 0 && !in_vain ? system_error(errno) : error_code{};
    return result < 0 ? 0 : static_cast<std::size_t>(result);
}

std::string last_tls_error() {
    const auto code = ::ERR_get_error();
    const char* reason = code ? ::ERR_reason_error_string(code) : nullptr;
    return reason ? reason : "the other side does not speak it";
}

} // namespace

void Connection::CloseTls::operator()(ssl_st* tls) const noexcept { ::SSL_free(tls); }

Connection::Connection(const Endpoint& endpoint, double timeout)
    : socket_{reach(endpoint, timeout)},
      timeout_{timeout} {
    if (endpoint.tls) start_tls(endpoint);
}

Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

bool Connection::wait(short events, double seconds) const {
    pollfd entry{socket_.get(), events, 0};
    for (;;) {
        const int ready = ::poll(&entry, 1, static_cast<int>(std::min(seconds, 1e6) * 1000));
        if (ready >= 0 || errno != EINTR) return ready > 0;
    }
}

bool Connection::wait_readable(double seconds) const {
    return (tls_ && ::SSL_pending(tls_.get()) > 0) || wait(POLLIN, seconds);
}

// Repeats a step until TLS has what it needs of the socket: its result, 0 with `failure` when that fails.
template <class Step>
int Connection::do_tls(double seconds, Step step, error_code& failure) {
    for (;;) {
        ::ERR_clear_error();
        const int result = step();
        if (result > 0) return result;
        const int why = ::SSL_get_error(tls_.get(), result);
        if (why == SSL_ERROR_ZERO_RETURN) return failure = boost::asio::error::eof, 0;
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            return failure = why == SSL_ERROR_SYSCALL && errno != 0 ? system_error(errno)
                                                                    : error_code{boost::asio::error::eof},
                   0;
        if (!wait(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, seconds)) return failure = system_error(ETIMEDOUT), 0;
    }
}

void Connection::start_tls(const Endpoint& endpoint) {
    const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> settings{::SSL_CTX_new(::TLS_client_method()),
                                                                       &::SSL_CTX_free};
    ::SSL_CTX_set_min_proto_version(settings.get(), TLS1_2_VERSION);
    ::SSL_CTX_set_verify(settings.get(), SSL_VERIFY_PEER, nullptr);
    ::SSL_CTX_set_mode(settings.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ::SSL_CTX_set_default_verify_paths(settings.get()); // SSL_CERT_FILE and SSL_CERT_DIR
    if (const char* file = trusted_authorities()) ::SSL_CTX_load_verify_locations(settings.get(), file, nullptr);
    tls_.reset(::SSL_new(settings.get()));
    ::SSL_set_fd(tls_.get(), socket_.get());
    ::SSL_set_tlsext_host_name(tls_.get(), endpoint.host.c_str());
    if (::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(tls_.get()), endpoint.host.c_str()) != 1)
        ::SSL_set1_host(tls_.get(), endpoint.host.c_str());
    error_code failure;
    std::string why;
    (void)do_tls(
        timeout_,
        [this, &why] {
            const int result = ::SSL_connect(tls_.get());
            if (const auto verdict = ::SSL_get_verify_result(tls_.get()); verdict != X509_V_OK)
                why = ::X509_verify_cert_error_string(verdict);
            else if (result <= 0 && ::SSL_get_error(tls_.get(), result) == SSL_ERROR_SSL) why = last_tls_error();
            return result;
        },
        failure);
    if (failure)
        throw Failure{unreachable, fmt::format("cannot reach the daemon at {} over TLS: {}\n"
                                               "  an authority of your own: SSL_CERT_FILE=/path/ca.crt",
                                               endpoint.text(), why.empty() ? failure.message() : why)};
}

std::size_t Connection::read(void* to, std::size_t most, error_code& failure) {
    failure = {};
    if (tls_)
        return static_cast<std::size_t>(do_tls(
            timeout_ + extra_,
            [&] { return ::SSL_read(tls_.get(), to, static_cast<int>(std::min<std::size_t>(most, 1 << 20))); },
            failure));
    if (!wait(POLLIN, timeout_ + extra_)) return failure = system_error(ETIMEDOUT), 0;
    const auto got = ::recv(socket_.get(), to, most, 0);
    if (got == 0 && most > 0) return failure = boost::asio::error::eof, 0;
    return moved(got, failure);
}

std::size_t Connection::write(std::span<const boost::asio::const_buffer> pieces, error_code& failure) {
    failure = {};
    if (tls_) {
        while (!pieces.empty() && pieces.front().size() == 0) pieces = pieces.subspan(1);
        if (pieces.empty()) return 0;
        const auto size = static_cast<int>(std::min<std::size_t>(pieces.front().size(), 1 << 20));
        return static_cast<std::size_t>(do_tls(
            timeout_, [&] { return ::SSL_write(tls_.get(), pieces.front().data(), size); }, failure));
    }
    std::array<iovec, 16> list{};
    msghdr message{};
    message.msg_iov = list.data();
    for (const auto& piece : pieces) list[message.msg_iovlen++] = {const_cast<void*>(piece.data()), piece.size()};
    if (!wait(POLLOUT, timeout_)) return failure = system_error(ETIMEDOUT), 0;
    return moved(::sendmsg(socket_.get(), &message, MSG_NOSIGNAL), failure);
}

} // namespace millrace::cli
