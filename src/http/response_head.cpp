#include "http/response_head.hpp"

#include "http/fields.hpp"

#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ctime>

namespace millrace::http {
namespace {

// IMF-fixdate of the present second; made once a second and thread.
std::string_view http_date() {
    thread_local std::time_t made = -1;
    thread_local char text[40];
    thread_local std::size_t size = 0;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != made) {
        constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        std::tm utc{};
        ::gmtime_r(&now.tv_sec, &utc);
        const auto end =
            fmt::format_to_n(text, sizeof text, "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[utc.tm_wday],
                             utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
        size = end.size;
        made = now.tv_sec;
    }
    return {text, size};
}

void append_number(std::string& out, std::uint64_t n) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, n);
    out.append(digits, end.ptr);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ", 2).append(value).append("\r\n", 2);
}

void append_status(std::string& out, unsigned status) {
    switch (status) {
    case 200: out.append("HTTP/1.1 200 OK\r\n"); return;
    case 202: out.append("HTTP/1.1 202 Accepted\r\n"); return;
    default: break;
    }
    out.append("HTTP/1.1 ");
    append_number(out, status);
    const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
    out.append(" ").append(reason.data(), reason.size()).append("\r\n");
}

// What every answer carries unless its handler said otherwise.
struct Default {
    std::string_view name, line;
};
constexpr std::array defaults{
    Default{"Cache-Control", "Cache-Control: no-store\r\n"},
    Default{"Content-Security-Policy", "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"},
    Default{"Referrer-Policy", "Referrer-Policy: no-referrer\r\n"},
    Default{"Cross-Origin-Opener-Policy", "Cross-Origin-Opener-Policy: same-origin\r\n"},
    Default{"Cross-Origin-Resource-Policy", "Cross-Origin-Resource-Policy: same-origin\r\n"},
};

// Framing is the session's business alone.
bool is_reserved(std::string_view name) {
    switch (name.size()) {
    case 4: return equal_ignoring_case(name, "Date");
    case 10: return equal_ignoring_case(name, "Connection");
    case 14: return equal_ignoring_case(name, "Content-Length");
    case 17: return equal_ignoring_case(name, "Transfer-Encoding");
    default: return false;
    }
}

struct Named {
    unsigned status;
    std::string_view slug, title;
};
constexpr std::array refusals{
    Named{400, "malformed-request", "Malformed request"},
    Named{405, "method-not-allowed", "Method not allowed"},
    Named{408, "request-timeout", "Request timeout"},
    Named{411, "length-required", "Length required"},
    Named{413, "too-large", "Too large"},
    Named{414, "uri-too-long", "URI too long"},
    Named{417, "expectation-failed", "Expectation failed"},
    Named{431, "header-too-large", "Header too large"},
    Named{501, "not-implemented", "Not implemented"},
    Named{503, "unavailable", "Unavailable"},
    Named{505, "version-not-supported", "HTTP version not supported"},
};

} // namespace

bool has_no_body(unsigned status) { return status < 200 || status == 204 || status == 304; }

void append_head(std::string& out, const Response& response, const HeadOptions& options) {
    append_status(out, response.status);
    append_field(out, "Date", http_date());
    bool said[defaults.size()] = {};
    for (const auto& [name, value] : response.headers) {
        if (is_reserved(name)) continue;
        for (std::size_t i = 0; i < defaults.size(); ++i)
            said[i] = said[i] || equal_ignoring_case(name, defaults[i].name);
        append_field(out, name, value);
    }
    for (std::size_t i = 0; i < defaults.size(); ++i)
        if (!said[i]) out.append(defaults[i].line);
    out.append("X-Content-Type-Options: nosniff\r\n");
    append_field(out, "X-Request-Id", options.request_id);
    if (!options.upgrade.empty()) {
        out.append("Connection: Upgrade\r\n");
        append_field(out, "Upgrade", options.upgrade);
    } else if (!options.keep_alive) {
        out.append("Connection: close\r\n");
    } else if (options.say_keep_alive) {
        out.append("Connection: keep-alive\r\n");
    }
    if (options.chunked) {
        out.append("Transfer-Encoding: chunked\r\n");
    } else if (options.length && response.status != 204 && response.status >= 200) {
        out.append("Content-Length: ");
        append_number(out, *options.length);
        out.append("\r\n", 2);
    }
    out.append("\r\n", 2);
}

Response refused(const Refusal& refusal, std::string_view request_id) {
    const Named* named = &refusals[0];
    for (const auto& candidate : refusals)
        if (candidate.status == refusal.status) named = &candidate;
    return problem(refusal.status, named->slug, named->title, refusal.detail, request_id);
}

} // namespace millrace::http
