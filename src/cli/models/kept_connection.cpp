#include "cli/models/kept_connection.hpp"

#include "cli/reaching.hpp"

#include <fmt/format.h>

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <strings.h>

namespace millrace::cli {
namespace {

constexpr std::size_t largest_head = 65536, largest_answer = 256 << 20;

// The value of a header of a whole head; nullopt without it.
std::optional<std::string_view> header(std::string_view head, std::string_view name) {
    for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
        at += 2;
        if (head.size() < at + name.size() + 1 || head[at + name.size()] != ':') continue;
        if (::strncasecmp(head.data() + at, name.data(), name.size()) != 0) continue;
        const auto value = head.substr(at + name.size() + 1, head.find("\r\n", at) - at - name.size() - 1);
        const auto first = value.find_first_not_of(' ');
        return first == std::string_view::npos ? std::string_view{} : value.substr(first);
    }
    return std::nullopt;
}

std::size_t number(std::optional<std::string_view> text, std::size_t otherwise) {
    std::size_t value = otherwise;
    if (text) std::from_chars(text->data(), text->data() + text->size(), value);
    return value;
}

} // namespace

KeptConnection::KeptConnection(std::filesystem::path socket, double timeout)
    : path_{std::move(socket)},
      timeout_{timeout} {
    open();
}

KeptConnection::Answer KeptConnection::call(const std::string& request) {
    if (!socket_) open();
    auto answer = exchange(request);
    if (answer.status == 0) socket_.reset();
    return answer;
}

void KeptConnection::open() {
    Endpoint endpoint;
    endpoint.socket = path_;
    socket_ = reach(endpoint, timeout_);
    timeval limit{};
    limit.tv_sec = static_cast<time_t>(timeout_);
    limit.tv_usec = static_cast<suseconds_t>((timeout_ - static_cast<double>(limit.tv_sec)) * 1e6);
    for (const int which : {SO_RCVTIMEO, SO_SNDTIMEO})
        ::setsockopt(socket_.get(), SOL_SOCKET, which, &limit, sizeof limit);
}

bool KeptConnection::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

// Until `received_` holds so many bytes.
bool KeptConnection::receive(std::size_t size) {
    while (received_.size() < size) {
        char piece[65536];
        const auto n = ::recv(socket_.get(), piece, sizeof piece, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        received_.append(piece, static_cast<std::size_t>(n));
    }
    return true;
}

KeptConnection::Answer KeptConnection::exchange(const std::string& request) {
    received_.clear();
    (void)send(request); // what is refused is perhaps answered before all of it was taken
    std::size_t end;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos)
        if (received_.size() > largest_head || !receive(received_.size() + 1)) return {};
    const auto head = std::string{received_.substr(0, end + 2)};
    const auto length = number(header(head, "Content-Length"), 0);
    if (length > largest_answer || !receive(end + 4 + length)) return {};
    if (const auto kept = header(head, "Connection"); kept && kept->starts_with("close")) socket_.reset();
    const auto body = std::string_view{received_}.substr(end + 4, length);
    const auto json = number(header(head, "Inference-Header-Content-Length"), body.size());
    return {static_cast<unsigned>(number(std::string_view{head}.substr(9, 3), 0)), body.substr(0, json)};
}

std::string post_request(const std::string& target, const std::vector<std::pair<std::string, std::string>>& headers,
                         const std::string& body) {
    auto request = fmt::format("POST {} HTTP/1.1\r\nHost: millrace\r\nContent-Length: {}\r\n", target, body.size());
    for (const auto& [name, value] : headers) request += fmt::format("{}: {}\r\n", name, value);
    return request + "\r\n" + body;
}

} // namespace millrace::cli
