// A session's request line and header fields: received, checked, and what they say of the client.
#include "http/forwarded.hpp"
#include "http/request_id.hpp"
#include "http/session.hpp"
#include "http/target.hpp"

namespace millrace::http {

awaitable<Session::Arrival> Session::receive_header() {
    HeaderScanner scanner{shared_->limits};
    std::optional<Steady::time_point> deadline; // once the first byte is here
    for (;;) {
        if (!input_.unread().empty()) {
            const auto found = scanner.scan(input_.unread());
            if (found.state == HeaderScanner::Result::State::complete) {
                header_ = input_.unread().substr(found.begin, found.end - found.begin);
                co_return Arrival::complete;
            }
            if (found.state == HeaderScanner::Result::State::refused) {
                refusal_ = found.refusal;
                co_return Arrival::refused;
            }
            if (!deadline) deadline = Steady::now() + shared_->limits.header_time;
        } else if (shared_->stopping.load(std::memory_order_relaxed)) {
            co_return Arrival::gone;
        }
        connection_.mark_idle(!deadline);
        const auto until = deadline.value_or(Steady::now() + shared_->limits.idle_time);
        Connection::Read got;
        if (connection_.reads_ahead()) {
            got = co_await connection_.arrival(until);
            if (got.outcome == Connection::Outcome::ok) input_.unpin(); // nothing views the last request any more
        } else if (left_) {
            co_return Arrival::gone;
        } else {
            input_.reserve(1024);
            got = co_await connection_.read(input_.space(), until);
            if (got.outcome == Connection::Outcome::ok) input_.filled(got.bytes);
        }
        connection_.mark_idle(false);
        if (got.outcome == Connection::Outcome::timed_out && deadline) {
            refusal_ = {408, "the header came too slowly"};
            co_return Arrival::refused;
        }
        if (got.outcome != Connection::Outcome::ok) co_return Arrival::gone;
    }
}

bool Session::accept_header() {
    // Views into the buffer are made from here on: it must not grow any more, and chunks are read behind the header.
    const auto begin = static_cast<std::size_t>(header_.data() - input_.unread().data());
    const auto size = header_.size();
    input_.reserve(1024);
    header_ = input_.unread().substr(begin, size);
    input_.consume(begin + size);
    input_.pin();

    Head head;
    head.headers = &request_.headers;
    auto refusal = parse_head(header_, head);
    if (!refusal) refusal = check_framing(head, framing_);
    if (!refusal)
        refusal =
            parse_target(head.target, request_.headers.find("Host"), shared_->limits, request_.path, request_.query);
    if (refusal) {
        refusal_ = *refusal;
        return false;
    }
    request_.method = head.verb;
    request_.target = head.target;
    version_ = head.version;
    name_request();
    if (peer_.proxy) name_client();
    body_.begin(framing_);
    return true;
}

// Each request of a proxy may be another client's.
void Session::name_client() {
    auto forwarded = read_forwarded(request_.headers, shared_->limits.proxies, peer_.address);
    const auto address = IpAddress::parse(forwarded.client);
    request_.loopback = address && address->is_loopback();
    request_.remote = std::move(forwarded.client);
    request_.forwarded_host = std::move(forwarded.host);
    request_.tls = forwarded.tls;
}

void Session::name_request() {
    const auto given = request_.headers.find("X-Request-Id");
    if (is_request_id(given)) request_.id.assign(given);
    else make_request_id(request_.id);
}

} // namespace millrace::http
