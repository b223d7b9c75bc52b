#include "http/framing.hpp"

#include "base/utf8.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <array>

namespace millrace::http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

constexpr Refusal both_lengths{400, "Content-Length and Transfer-Encoding together are ambiguous"};

bool has_control(std::string_view text) {
    bool found = false; // no early exit, so that the loop is vectorised
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        found |= (byte < 0x20 && byte != '\t') || byte == 0x7f;
    }
    return found;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }
bool is_token(char c) { return is_alnum(c) || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos; }
bool is_address(char c) {
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') || c == ':' || c == '.';
} // IPv6
bool is_name(char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; }

std::optional<Refusal> check_version(std::string_view line) {
    const auto space = line.rfind(' ');
    if (space == std::string_view::npos || line.find(' ') == space)
        return Refusal{400, "the request line is not METHOD TARGET HTTP/1.1"};
    const auto version = line.substr(space + 1);
    if (version == "HTTP/1.1" || version == "HTTP/1.0") return std::nullopt;
    if (version.size() >= 6 && version.size() <= 8 && version.starts_with("HTTP/") && is_digit(version[5]))
        return Refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    return Refusal{400, "the request line does not end with an HTTP version"};
}

// Beast's grammar for the header; the fields are kept as views instead of copies.
class BeastParser final : public beast_http::basic_parser<true> {
public:
    explicit BeastParser(Head& head) : head_{head} {}

private:
    static std::string_view view(string_view s) { return {s.data(), s.size()}; }

    void on_request_impl(beast_http::verb verb, string_view, string_view target, int version, error_code&) override {
        head_.verb = verb;
        head_.target = view(target);
        head_.version = static_cast<unsigned>(version);
    }
    void on_field_impl(beast_http::field, string_view name, string_view value, error_code&) override {
        head_.headers->add(view(name), view(value));
    }
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override { return body.size(); }
    void on_finish_impl(error_code&) override {}

    Head& head_;
};

bool served(beast_http::verb verb) {
    using Verb = beast_http::verb;
    switch (verb) {
    case Verb::get:
    case Verb::head:
    case Verb::post:
    case Verb::put:
    case Verb::patch:
    case Verb::delete_:
    case Verb::options:
    case Verb::trace: // known to be served nowhere: 405, where CONNECT and inventions are 501
        return true;
    default: return false;
    }
}

// The fields that decide framing, gathered in one pass.
struct FramingFields {
    std::size_t hosts = 0, lengths = 0, encodings = 0, expectations = 0;
    std::string_view host, length, encoding, expectation;
    bool close = false, keep_alive = false;

    explicit FramingFields(const Headers& headers) {
        for (const auto& [name, value] : headers) take(name, value);
    }

private:
    void take(std::string_view name, std::string_view value) {
        switch (name.size()) { // the lengths of the names below: most fields cost one comparison
        case 4: count(name, "Host", value, hosts, host); break;
        case 6: count(name, "Expect", value, expectations, expectation); break;
        case 10:
            if (equal_ignoring_case(name, "Connection")) take_connection(value);
            break;
        case 14: count(name, "Content-Length", value, lengths, length); break;
        case 17: count(name, "Transfer-Encoding", value, encodings, encoding); break;
        default: break;
        }
    }
    static void count(std::string_view name, std::string_view wanted, std::string_view value, std::size_t& n,
                      std::string_view& last) {
        if (!equal_ignoring_case(name, wanted)) return;
        ++n;
        last = value;
    }
    void take_connection(std::string_view list) {
        while (!list.empty()) {
            const auto comma = std::min(list.find(','), list.size());
            auto option = list.substr(0, comma);
            list.remove_prefix(std::min(comma + 1, list.size()));
            while (!option.empty() && (option.front() == ' ' || option.front() == '\t')) option.remove_prefix(1);
            while (!option.empty() && (option.back() == ' ' || option.back() == '\t')) option.remove_suffix(1);
            if (equal_ignoring_case(option, "close")) close = true;
            if (equal_ignoring_case(option, "keep-alive")) keep_alive = true;
        }
    }
};

std::optional<Refusal> check_body(const FramingFields& fields, unsigned version, Framing& framing) {
    if (fields.encodings > 0) {
        if (fields.lengths > 0) return both_lengths;
        if (version == 10) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
        if (fields.encodings > 1) return Refusal{400, "more than one Transfer-Encoding"};
        if (!equal_ignoring_case(fields.encoding, "chunked"))
            return Refusal{501, "the only Transfer-Encoding known here is `chunked`"};
        framing.body = Framing::Body::chunked;
        return std::nullopt;
    }
    if (fields.lengths == 0) return std::nullopt;
    if (fields.lengths > 1) return Refusal{400, "more than one Content-Length"};
    const auto digits = fields.length;
    if (digits.empty() || digits.size() > 18 || !std::all_of(digits.begin(), digits.end(), is_digit))
        return Refusal{400, "Content-Length is not a plain number"};
    for (const char c : digits) framing.length = framing.length * 10 + static_cast<std::uint64_t>(c - '0');
    framing.body = framing.length == 0 ? Framing::Body::none : Framing::Body::length;
    return std::nullopt;
}

// Fields are kept with what they describe and told again in answers, which are text. Only what browsers and other
// applications of the same host bring along, and nobody here keeps, may be bytes (RFC 9110, section 5.5).
std::optional<Refusal> check_text(std::string_view header, const Headers& headers) {
    if (valid_utf8(header)) return std::nullopt; // nearly always
    for (const auto& field : headers) {
        constexpr std::array<std::string_view, 3> of_others{"Cookie", "User-Agent", "Referer"};
        const bool theirs = std::any_of(of_others.begin(), of_others.end(),
                                        [&](auto each) { return equal_ignoring_case(field.name, each); });
        if (!theirs && !valid_utf8(field.value)) return Refusal{400, "a field of the header is not UTF-8"};
    }
    return std::nullopt;
}

} // namespace

HeaderScanner::Result HeaderScanner::scan(std::string_view bytes) {
    for (;;) {
        const auto newline = bytes.find('\n', position_);
        if (newline == std::string_view::npos) {
            position_ = bytes.size();
            if (auto refusal = check_unfinished(bytes)) return {Result::State::refused, 0, 0, *refusal};
            return {};
        }
        if (newline == line_ || bytes[newline - 1] != '\r')
            return {Result::State::refused, 0, 0, {400, "a line of the header ends without CR"}};
        const auto line = bytes.substr(line_, newline - 1 - line_);
        position_ = line_ = newline + 1;
        if (line.empty() && lines_ == 0 && begin_ == 0) { // RFC 9112, section 2.2: one empty line is forgiven
            begin_ = line_;
            continue;
        }
        if (line.empty() && lines_ > 0) return {Result::State::complete, begin_, line_, {}};
        if (auto refusal = check_line(line)) return {Result::State::refused, 0, 0, *refusal};
        ++lines_;
        if (line_ - begin_ > limits_->header_bytes)
            return {Result::State::refused, 0, 0, {431, "the header is too large"}};
    }
}

std::optional<Refusal> HeaderScanner::check_line(std::string_view line) {
    if (has_control(line)) return Refusal{400, "a control character in the header"};
    if (lines_ == 0) {
        if (line.size() > limits_->target_bytes + 32) return Refusal{414, "the target is too long"};
        if (line.empty()) return Refusal{400, "empty lines instead of a request"};
        return check_version(line);
    }
    if (line.front() == ' ' || line.front() == '\t') return Refusal{400, "a folded header line"};
    if (lines_ > limits_->header_fields) return Refusal{431, "too many header fields"};
    return std::nullopt;
}

std::optional<Refusal> HeaderScanner::check_unfinished(std::string_view bytes) const {
    const auto line = bytes.substr(line_);
    if (line.empty()) return std::nullopt;
    if (lines_ == 0) {
        // A TLS handshake and most binary protocols show themselves in the first byte.
        if (line.front() != '\r' && !is_token(line.front()))
            return Refusal{400, "this is not HTTP; the address speaks plain HTTP"};
        if (line.size() > limits_->target_bytes + 34) return Refusal{414, "the target is too long"};
    }
    if (bytes.size() - begin_ >= limits_->header_bytes) return Refusal{431, "the header is too large"};
    return std::nullopt;
}

std::optional<Refusal> parse_head(std::string_view header, Head& head) {
    BeastParser parser{head};
    // Limits are checked by the scanner, and a body's length by check_framing.
    parser.header_limit(static_cast<std::uint32_t>(header.size() + 1));
    parser.body_limit(boost::none);
    error_code error;
    parser.put(boost::asio::const_buffer{header.data(), header.size()}, error);
    if (error == beast_http::error::bad_version) return Refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    if (error == beast_http::error::bad_content_length) return Refusal{400, "Content-Length is not a plain number"};
    if (error == beast_http::error::bad_transfer_encoding) return both_lengths;
    if (error || !parser.is_header_done()) return Refusal{400, "the header is malformed"};
    if (!served(head.verb)) return Refusal{501, "the method is not known here"};
    return check_text(header, *head.headers);
}

std::optional<Refusal> check_framing(const Head& head, Framing& framing) {
    const FramingFields fields{*head.headers};
    if (fields.hosts > 1) return Refusal{400, "more than one Host"};
    if (fields.hosts == 0 && head.version == 11) return Refusal{400, "HTTP/1.1 needs a Host field"};
    if (fields.hosts == 1 && !valid_host(fields.host)) return Refusal{400, "the Host field is malformed"};
    if (auto refusal = check_body(fields, head.version, framing)) return refusal;
    framing.keep_alive = head.version == 11 ? !fields.close : fields.keep_alive && !fields.close;
    if (fields.expectations > 0 && head.version == 11) {
        if (fields.expectations > 1 || !equal_ignoring_case(fields.expectation, "100-continue"))
            return Refusal{417, "the only expectation known here is 100-continue"};
        framing.expects_continue = framing.body != Framing::Body::none;
    }
    return std::nullopt;
}

bool valid_host(std::string_view host) {
    std::size_t end = 0;
    if (host.starts_with('[')) {
        end = host.find(']');
        if (end == std::string_view::npos || end < 3) return false;
        const auto address = host.substr(1, end - 1);
        if (!std::all_of(address.begin(), address.end(), is_address)) return false;
        ++end;
    } else {
        end = std::min(host.find(':'), host.size());
        if (end == 0 || end > 255) return false;
        const auto name = host.substr(0, end);
        if (!std::all_of(name.begin(), name.end(), is_name)) return false;
    }
    auto port = host.substr(end);
    if (port.empty()) return true;
    if (port.front() != ':') return false;
    port.remove_prefix(1);
    return port.size() <= 5 && std::all_of(port.begin(), port.end(), is_digit);
}

} // namespace millrace::http
