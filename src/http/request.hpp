// One request, as a handler sees it. It lives in the session, on one io thread, until the answer has been sent;
// everything it points to lives as long.
//
// When the client goes away, asio cancellation (terminal) reaches the handler's coroutine once the body is read: what
// waits (a timer, a prediction, a place in a queue) ends early, nothing throws, and what is on its way into the store
// goes on. Whoever begins to wait looks at asio::this_coro::cancellation_state before. A client that has closed its
// sending side alone cannot be told from one that has gone, so its waits end, too; it still gets the answer that there
// is then.
#pragma once
#include "async/awaitable.hpp"
#include "base/result.hpp"
#include "http/fields.hpp"
#include "values/principal.hpp"

#include <boost/beast/http/verb.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace::http {

using Verb = boost::beast::http::verb;

// The body of a request whose route asked for BodyPolicy::streamed. Used by the handler's coroutine only.
class BodyReader {
public:
    virtual ~BodyReader() = default;
    // Between 1 and into.size() bytes; 0 at the end. Errors: too_large past the route's limit, timed_out when the
    // sender is too slow, invalid_argument when its framing is broken or it went away. After an error the
    // connection is closed once the handler's answer is out.
    virtual awaitable<Result<std::size_t>> read(std::span<std::byte> into) = 0;
    // The announced length; nullopt when the body comes in chunks.
    virtual std::optional<std::uint64_t> length() const = 0;
};

struct Request {
    Verb method = Verb::unknown;
    std::string_view target;    // as received
    std::string path;           // decoded, without the query; no `..`, no NUL, valid UTF-8
    Parameters path_parameters; // by name from the route's pattern
    Query query;
    Headers headers;
    std::string body;                  // BodyPolicy::buffered
    BodyReader* body_reader = nullptr; // BodyPolicy::streamed
    std::string id;                    // X-Request-Id when it is sane, else made here; echoed in the answer
    std::string remote;                // the client's address, also behind a trusted proxy; or "unix"
    std::string forwarded_host;        // what a trusted proxy says the client's Host was; mostly empty
    bool tls = false;                  // the client speaks TLS with a trusted proxy
    std::optional<unsigned> peer_uid;  // set on the unix socket only: who is at the other end
    bool loopback = false;             // the client is this machine, over TCP
    values::Principal principal;       // set by the gate

    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    std::string_view header(std::string_view name) const { return headers.find(name); } // empty when absent
    std::string_view host() const { return forwarded_host.empty() ? header("Host") : std::string_view{forwarded_host}; }
    std::string_view parameter(std::string_view name) const { return path_parameters[name]; }
};

} // namespace millrace::http
