#include "cli/client.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/version.hpp"
#include "cli/connection.hpp"
#include "cli/text.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <vector>

namespace millrace::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint64_t largest_kept = 256ULL << 20;     // of an answer that is kept in memory
constexpr std::uint64_t asks_before_sending = 256 << 10; // bodies from this size on wait for 100 Continue

error_code system_error(int number) { return {number, boost::system::system_category()}; }

bool is_closed(const error_code& failure) {
    return failure == system_error(EPIPE) || failure == system_error(ECONNRESET);
}

Failure lost(const error_code& failure) {
    if (failure == system_error(ETIMEDOUT))
        return {unreachable, "the daemon did not answer in time; --timeout SECONDS waits longer"};
    return {unreachable, fmt::format("the connection to the daemon broke: {}", failure.message())};
}

http::request<http::empty_body> head_of(const Endpoint& endpoint, const Call& call) {
    http::request<http::empty_body> request;
    request.version(11);
    request.method_string(call.method);
    request.target(endpoint.base + call.target);
    request.set(http::field::host, endpoint.is_remote() ? endpoint.authority() : "millrace");
    if (!endpoint.key.empty()) request.set(http::field::authorization, "Bearer " + endpoint.key);
    request.set(http::field::user_agent, fmt::format("millrace-cli/{}", version()));
    request.set(http::field::connection, "close");
    for (const auto& [name, value] : call.headers) request.set(name, value);
    if (!call.content_type.empty()) request.set(http::field::content_type, call.content_type);
    if (call.body) request.content_length(call.body->size());
    else if (call.method != "GET" && call.method != "HEAD") request.content_length(0);
    if (call.body && call.body->size() >= asks_before_sending) request.set(http::field::expect, "100-continue");
    return request;
}

// Ends early when the daemon answers instead of taking all of it: then its answer says why.
void send_body(Connection& stream, const Call& call) {
    std::uint64_t sent = 0;
    call.body->pump([&](std::span<const char> piece) {
        for (std::size_t at = 0; at < piece.size();) {
            error_code failure;
            at += stream.write_some(asio::const_buffer{piece.data() + at, piece.size() - at}, failure);
            if (is_closed(failure)) return false;
            if (failure) throw lost(failure);
        }
        sent += piece.size();
        if (call.sent) call.sent(sent);
        return true;
    });
}

template <class Body>
void read_head(Connection& stream, beast::flat_buffer& buffer, http::response_parser<Body>& parser) {
    error_code failure;
    http::read_header(stream, buffer, parser, failure);
    if (failure == http::error::end_of_stream)
        throw Failure{unreachable, "the daemon closed the connection without an answer"};
    if (failure) throw lost(failure);
}

// Passes the body on in pieces.
void receive(Connection& stream, beast::flat_buffer& buffer, http::response_parser<http::empty_body>& head,
             const Call& call, std::string& kept) {
    http::response_parser<http::buffer_body> parser{std::move(head)};
    parser.body_limit(boost::none);
    const bool pass = call.received && parser.get().result_int() / 100 == 2;
    const auto length = parser.content_length();
    const std::optional<std::uint64_t> total = length ? std::optional<std::uint64_t>{*length} : std::nullopt;
    std::vector<char> piece(256 * 1024);
    while (!parser.is_done()) {
        parser.get().body().data = piece.data();
        parser.get().body().size = piece.size();
        error_code failure;
        http::read_some(stream, buffer, parser, failure);
        if (failure && failure != http::error::need_buffer) throw lost(failure);
        const std::span<const char> got{piece.data(), piece.size() - parser.get().body().size};
        if (got.empty()) continue;
        if (pass) call.received(got, total);
        else kept.append(got.data(), got.size());
        if (kept.size() > largest_kept)
            throw Failure{failed, "the daemon's answer is larger than this command keeps in memory"};
    }
}

[[noreturn]] void refuse(const Reply& reply) {
    const auto problem = parse_json(reply.body);
    const auto* detail = problem ? find(*problem, {"detail"}) : nullptr;
    if (!detail || !detail->is_string())
        throw Failure{failed, fmt::format("the daemon answered {} to this", reply.status), reply.status};
    const auto title = member(*problem, "title");
    throw Failure{failed, fmt::format("{}: {}", title, member(*problem, "detail")), reply.status};
}

// What answers only pass on: it is shown as it came.
constexpr KeptMember passed_on[] = {{"", "payload"},     {"", "result"},     {"", "job"},
                                    {"data", "payload"}, {"data", "result"}, {"data", "job"}};

} // namespace

json::value Reply::json() const {
    auto value = parse_json(body, passed_on);
    if (!value) throw Failure{failed, "the daemon's answer is not understood: " + value.error().detail};
    return std::move(*value);
}

Client::Client(const Context& context) : endpoint_{endpoint_of(context)}, timeout_{context.timeout} {}

Reply Client::call(const Call& call) const {
    Connection stream{endpoint_, timeout_};
    const auto request = head_of(endpoint_, call);
    http::request_serializer<http::empty_body> serializer{request};
    error_code failure;
    http::write_header(stream, serializer, failure);
    const bool taken = !is_closed(failure); // else it has answered already, perhaps
    if (failure && taken) throw lost(failure);

    beast::flat_buffer buffer;
    auto head = std::make_unique<http::response_parser<http::empty_body>>();
    const auto read = [&] {
        head->skip(call.method == "HEAD");
        read_head(stream, buffer, *head);
    };
    bool answered = false;
    if (taken && request.count(http::field::expect) != 0 && stream.wait_readable(2)) {
        read();
        answered = head->get().result() != http::status::continue_;
        if (!answered) head = std::make_unique<http::response_parser<http::empty_body>>();
    }
    if (!answered) {
        if (call.body && taken) send_body(stream, call);
        stream.patience(call.patience);
        do {
            head = std::make_unique<http::response_parser<http::empty_body>>();
            read();
        } while (head->get().result() == http::status::continue_);
        stream.patience(0);
    }
    Reply reply;
    reply.status = head->get().result_int();
    receive(stream, buffer, *head, call, reply.body);
    if (reply.status / 100 != 2) refuse(reply);
    return reply;
}

Reply Client::post_json(const std::string& target, const json::value& value) const {
    Body body;
    body.add_text(json_text(value));
    return call({.method = "POST", .target = target, .content_type = "application/json", .body = &body});
}

std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain) out += c;
        else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

} // namespace millrace::cli
