// One connection's life: requests in, answers out, one after the other, on one io thread.
#pragma once
#include "async/thread_pool.hpp"
#include "http/admissions.hpp"
#include "http/connection.hpp"
#include "http/request_metrics.hpp"
#include "http/response_head.hpp"
#include "http/server.hpp"
#include "http/session_body.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <atomic>

namespace millrace::http {

// What all sessions of a server use.
struct Shared {
    const Router& router;
    Hooks hooks;
    Limits limits;
    async::ThreadPool& files;
    telemetry::Log& log;
    RequestMetrics metrics;
    Admissions admissions{limits};
    std::atomic<bool> stopping{false};
};

struct Peer {
    std::string address;         // textual, or "unix"
    std::optional<unsigned> uid; // of the process at the other end of a unix socket
    bool loopback = false;
    bool proxy = false; // a trusted one: the client is who it says
};

class Session {
public:
    // `leaving` is emitted when the peer goes away while a handler runs; its slot is that of run()'s coroutine.
    // Borrowed.
    Session(std::shared_ptr<Shared> shared, Socket socket, Lane& lane, Peer peer, asio::cancellation_signal& leaving);
    awaitable<void> run();
    awaitable<void> refuse_connection(); // a limit is reached: 503 and close

private:
    enum class Arrival { complete, refused, gone };
    void begin_request();
    awaitable<Arrival> receive_header();
    void begin_work(); // from here on it is to know when the peer leaves
    void end_work();
    void look();
    void read_ahead();
    void arrived(Connection::Read read);
    bool accept_header(); // false: refusal_ says why
    void name_client();
    awaitable<void> handle();
    awaitable<Response> answer();
    awaitable<Response> dispatch(const Route& route);
    Response without_route(const std::string& allowed) const;
    awaitable<void> refuse();

    awaitable<bool> hand_over(Response& response);
    awaitable<bool> send(Response& response);
    awaitable<bool> send_text(const Response& response, std::string_view body);
    awaitable<bool> send_file(Response& response, FileBody file);
    awaitable<bool> send_upgrade(Response& response, Upgrade upgrade);
    awaitable<bool> send_stream(const Response& response, const StreamBody& stream);
    HeadOptions head_options() const;
    void begin_head(const Response& response, const HeadOptions& options);
    void finished(unsigned status);
    void name_request();

    std::shared_ptr<Shared> shared_; // first: the connection's lane lives in it
    Connection connection_;
    const Peer peer_;
    InputBuffer input_;
    Request request_;
    SessionBody body_{connection_, input_, shared_->limits};
    std::string_view header_; // inside input_
    Refusal refusal_;
    Framing framing_;
    unsigned version_ = 11;
    const Route* route_ = nullptr;
    std::string out_;        // the answer's header, and what is sent with it
    std::uint64_t sent_ = 0; // bytes of the body
    bool keep_alive_ = true;
    asio::cancellation_signal* leaving_;
    bool shown_key_ = false; // on this connection
    bool left_ = false;      // the peer has closed its side, or the connection broke
    bool works_ = false;     // a handler, or a stream
    Steady::time_point started_;
};

} // namespace millrace::http
