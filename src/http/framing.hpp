// What stands between a socket's bytes and a request that may be trusted to mean the same to every HTTP
// implementation on its way. Pure: no I/O, no clock. Everything doubtful is refused, and the connection with it,
// because after a doubtful header nobody knows where the next request begins.
#pragma once
#include "http/fields.hpp"
#include "http/limits.hpp"

#include <boost/beast/http/verb.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::http {

struct Refusal {
    unsigned status = 400;
    std::string_view detail; // static text
};

// Finds the end of a header in bytes that arrive in pieces, and refuses early what could never become one, so
// that a stranger's garbage is not waited for until the deadline: bare LF or CR, control characters, folded lines,
// a request line without an HTTP version, too many lines or bytes.
class HeaderScanner {
public:
    explicit HeaderScanner(const Limits& limits) : limits_{&limits} {}

    struct Result {
        enum class State { more, complete, refused } state = State::more;
        std::size_t begin = 0, end = 0; // complete: where the header is, one empty line before it left out
        Refusal refusal;
    };
    // `bytes`: all that came since the last request; each call may have more of them.
    Result scan(std::string_view bytes);

private:
    std::optional<Refusal> check_line(std::string_view line);
    std::optional<Refusal> check_unfinished(std::string_view bytes) const;

    const Limits* limits_;
    std::size_t position_ = 0, line_ = 0, begin_ = 0, lines_ = 0;
};

// A header's parts, as views into the bytes it was parsed from.
struct Head {
    boost::beast::http::verb verb = boost::beast::http::verb::unknown;
    std::string_view target;
    unsigned version = 11; // 10 or 11
    Headers* headers = nullptr;
};

// `header`: what the scanner found complete. Fields are added to head.headers.
std::optional<Refusal> parse_head(std::string_view header, Head& head);

struct Framing {
    enum class Body { none, length, chunked } body = Body::none;
    std::uint64_t length = 0; // Body::length
    bool keep_alive = true;
    bool expects_continue = false;
};

// Decides where the body ends; refuses whatever two implementations could read differently.
std::optional<Refusal> check_framing(const Head& head, Framing& framing);

bool valid_host(std::string_view host); // reg-name, IPv4 or [IPv6], with an optional port

} // namespace millrace::http
