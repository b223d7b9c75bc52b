#include "http/session.hpp"

#include "http/answer_packing.hpp"
#include "http/content_coding.hpp"
#include "http/request_id.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <iterator>

namespace millrace::http {
namespace {

constexpr std::uint64_t longest_nothing = 64;

// Nothing, or an object without members.
bool says_nothing(std::string_view body) {
    std::string rest;
    constexpr std::string_view blanks = " \t\r\n";
    std::copy_if(body.begin(), body.end(), std::back_inserter(rest),
                 [&](char c) { return blanks.find(c) == std::string_view::npos; });
    return rest.empty() || rest == "{}";
}

constexpr std::size_t skip_bound = 64 * 1024; // unread bytes of a body that are worth reading to keep a connection
constexpr std::size_t small_body = 64 * 1024; // no more is kept by an idle connection, and no less is an upload

bool is_packed(const Request& request) {
    const auto coding = content_coding(request.headers.find("Content-Encoding"));
    return !coding || *coding != Coding::identity;
}

} // namespace

Session::Session(std::shared_ptr<Shared> shared, Socket socket, Lane& lane, Peer peer,
                 asio::cancellation_signal& leaving)
    : shared_{std::move(shared)},
      connection_{std::move(socket), lane},
      peer_{std::move(peer)},
      leaving_{&leaving} {
    connection_.on_arrival([this](Connection::Read read) { arrived(read); });
    connection_.on_look([this] { look(); });
    request_.peer_uid = peer_.uid;
    request_.remote = peer_.address;
    request_.loopback = peer_.loopback;
}

awaitable<void> Session::run() {
    co_await asio::this_coro::throw_if_cancelled(false); // a peer that leaves ends what waits, and breaks nothing off
    for (;;) {
        // A read that goes on needs its place in the buffer. Behind pipelined bytes none may: the next request has its
        // own reads.
        if (connection_.reads_ahead() && !input_.unread().empty()) co_await connection_.stop_reading_ahead();
        begin_request();
        const auto arrival = co_await receive_header();
        if (arrival == Arrival::gone) co_return;
        started_ = Steady::now();
        if (arrival == Arrival::refused || !accept_header()) {
            co_await refuse();
            co_return;
        }
        co_await handle();
        if (!keep_alive_) co_return;
    }
}

void Session::begin_request() {
    // Everything that views the buffer goes before the buffer moves: a refused request is logged, too.
    request_.method = Verb::unknown;
    request_.target = {};
    request_.path.clear();
    request_.path_parameters.clear();
    request_.query.clear();
    request_.headers.clear();
    if (request_.body.capacity() > small_body) std::string{}.swap(request_.body);
    request_.body.clear();
    request_.body_reader = nullptr;
    request_.principal = {};
    if (peer_.proxy) request_.remote = peer_.address;
    framing_ = {};
    keep_alive_ = true;
    route_ = nullptr;
    sent_ = 0;
    if (!connection_.reads_ahead()) input_.unpin();
}

void Session::begin_work() {
    works_ = true;
    if (!connection_.reads_ahead()) connection_.watch();
}

void Session::end_work() {
    works_ = false;
    connection_.unwatch();
}

// A peer that still sends its body is noticed by whoever reads it.
void Session::look() {
    if (body_.finished()) read_ahead();
    else connection_.watch();
}

void Session::read_ahead() {
    if (left_ || connection_.reads_ahead()) return;
    if (const auto space = input_.space(); !space.empty()) connection_.read_ahead(space);
}

void Session::arrived(Connection::Read read) {
    if (read.outcome == Connection::Outcome::ok) {
        input_.filled(read.bytes);
        if (works_) read_ahead();
        return;
    }
    left_ = true;
    if (works_) leaving_->emit(asio::cancellation_type::terminal);
}

awaitable<void> Session::handle() {
    auto response = co_await answer();
    if (body_.timed_out()) response = refused({408, "the body came too slowly"}, request_.id);
    if (shared_->hooks.before_send) shared_->hooks.before_send(request_, response);
    if (may_be_packed(request_, response)) co_await pack_answer(request_, response, shared_->files);
    const bool stopping = shared_->stopping.load(std::memory_order_relaxed);
    keep_alive_ = framing_.keep_alive && !stopping && body_.can_be_skipped(skip_bound);
    const bool sent = response.undelivered ? co_await hand_over(response) : co_await send(response);
    finished(sent || sent_ > 0 ? response.status : 0);
    if (!sent) {
        keep_alive_ = false;
        co_return;
    }
    if (keep_alive_ && !body_.finished()) keep_alive_ = co_await body_.skip(skip_bound);
    // Unless the client wants the end as well, it may be sending still.
    if (!keep_alive_ && (framing_.keep_alive || !body_.finished())) co_await connection_.linger();
}

awaitable<Response> Session::answer() {
    const auto found = shared_->router.find(request_.method, request_.path, request_.path_parameters);
    if (!found.route) co_return without_route(found.allowed);
    route_ = found.route;
    std::string failure; // no co_await inside a catch block
    try {
        auto response = co_await dispatch(*found.route);
        end_work();
        co_return response;
    } catch (const std::exception& e) { failure = e.what(); } catch (...) {
        failure = "an exception of unknown type";
    }
    end_work();
    shared_->log.error("handler failed", {{"request", request_.id}, {"route", route_->pattern}, {"error", failure}});
    co_return problem(Error{Code::internal, "the request failed; the log has more under this request's id"},
                      request_.id);
}

Response Session::without_route(const std::string& allowed) const {
    if (request_.method == Verb::options && (!allowed.empty() || request_.path == "*"))
        return empty(204).set("Allow", allowed.empty() ? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" : allowed);
    if (allowed.empty()) return problem(Error{Code::not_found, "nothing is served under this path"}, request_.id);
    return refused({405, "the path is served, but not with this method; see Allow"}, request_.id).set("Allow", allowed);
}

awaitable<Response> Session::dispatch(const Route& route) {
    Admissions::Ticket place;
    if (peer_.proxy) {
        place = shared_->admissions.request(request_.remote);
        if (!place)
            co_return problem(Error{Code::rate_limited,
                                    "too many requests at once from this address; wait for an answer first"},
                              request_.id);
    }
    if (shared_->hooks.before_body) {
        auto early = co_await shared_->hooks.before_body(request_, route);
        if (early) co_return std::move(*early);
    }
    if (!route.access.is_open() && !shown_key_ && !peer_.uid) {
        shown_key_ = true;
        shared_->admissions.has_key(peer_.address);
    }
    if (framing_.body != Framing::Body::none && route.body.kind != BodyPolicy::Kind::none && !route.body.unpacks &&
        is_packed(request_))
        co_return problem(Error{Code::unsupported_type,
                                "bodies are taken as they are here; send this one without a Content-Encoding"},
                          request_.id)
            .set("Accept-Encoding", "identity");
    if (route.verb != Verb::get) {
        if (request_.query.size() > 0 && !route.takes_query)
            co_return problem(Error{Code::unprocessable,
                                    "this takes no parameters: leave out the question mark and what follows"},
                              request_.id);
        if (route.body.kind == BodyPolicy::Kind::none && framing_.body != Framing::Body::none) {
            bool nothing = body_.set_limit(longest_nothing).has_value();
            if (nothing && !body_.take_all(request_.body)) {
                const auto read = co_await body_.read_all(request_.body);
                nothing = read.has_value();
            }
            if (!nothing || !says_nothing(request_.body))
                co_return problem(Error{Code::unprocessable, "this takes no fields: send no body, or {}"}, request_.id);
        }
    }
    Admissions::Ticket upload;
    if (route.body.kind == BodyPolicy::Kind::streamed) {
        if (framing_.body == Framing::Body::none && !request_.headers.has("Content-Length") && route.verb != Verb::get)
            co_return refused({411, "send a Content-Length, or the body in chunks"}, request_.id);
        // What fits into a buffer is no upload: hundreds of small submits may wait for one commit.
        const bool known = !request_.loopback || shared_->limits.count_loopback;
        const bool counts =
            known && !peer_.uid && (framing_.body == Framing::Body::chunked || framing_.length > small_body);
        upload = shared_->admissions.upload(counts ? request_.remote : std::string{});
        if (!upload)
            co_return problem(Error{Code::rate_limited, "too many uploads at once from this address; finish one first"},
                              request_.id);
    }
    if (route.body.kind != BodyPolicy::Kind::none) {
        if (auto fits = body_.set_limit(route.body.max_bytes); !fits) co_return problem(fits.error(), request_.id);
    }
    if (route.body.kind == BodyPolicy::Kind::streamed) request_.body_reader = &body_;
    if (route.body.kind == BodyPolicy::Kind::buffered && !body_.take_all(request_.body)) {
        const auto read = co_await body_.read_all(request_.body);
        if (!read) co_return problem(read.error(), request_.id);
    }
    begin_work();
    if (left_)
        leaving_->emit(asio::cancellation_type::terminal); // before this request, which was sent ahead, was begun
    co_return co_await route.handler(request_);
}

awaitable<void> Session::refuse() {
    make_request_id(request_.id);
    framing_ = {};
    keep_alive_ = false;
    request_.method = Verb::unknown;
    auto response = refused(refusal_, request_.id);
    if (shared_->hooks.before_send) shared_->hooks.before_send(request_, response);
    const auto& body = std::get<std::string>(response.body);
    const bool sent = co_await send_text(response, body);
    finished(sent ? response.status : 0);
    if (sent) co_await connection_.linger();
}

awaitable<void> Session::refuse_connection() {
    shared_->metrics.connection_refused();
    make_request_id(request_.id);
    keep_alive_ = false;
    const auto response = problem(Error{Code::unavailable, "too many connections; try again"}, request_.id);
    const auto& body = std::get<std::string>(response.body);
    if (co_await send_text(response, body)) co_await connection_.linger();
}

void Session::finished(unsigned status) {
    const auto took = Steady::now() - started_;
    shared_->metrics.finished(route_, status, took);
    if (shared_->hooks.after) shared_->hooks.after(Exchange{request_, route_, status, sent_, took});
}

} // namespace millrace::http
