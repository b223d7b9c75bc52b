#include "http/response.hpp"

#include "base/json_text.hpp"
#include "base/utf8.hpp"
#include "http/fields.hpp"

#include <algorithm>
#include <array>

#include <unistd.h>

namespace millrace::http {
namespace {

// The last gate: JSON that is put together from texts is UTF-8, whatever they were.
std::string as_text(std::string body) { return valid_utf8(body) ? std::move(body) : repaired_utf8(body); }

bool is_printable_ascii(std::string_view text) {
    bool all = true; // no early exit, so that the loop is vectorised
    for (const char c : text) all &= c >= 0x20 && c < 0x7f;
    return all;
}

std::string without_controls(std::string value) {
    if (is_printable_ascii(value)) return value; // nearly always
    std::erase_if(value, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
    return as_text(std::move(value));
}

struct Kind {
    Code code;
    unsigned status;
    std::string_view slug, title;
};
constexpr std::array kinds{
    Kind{Code::invalid_argument, 400, "invalid-argument", "Malformed request"},
    Kind{Code::unauthenticated, 401, "unauthenticated", "Authentication needed"},
    Kind{Code::forbidden, 403, "forbidden", "Not allowed"},
    Kind{Code::not_found, 404, "not-found", "Not found"},
    Kind{Code::conflict, 409, "conflict", "Conflict"},
    Kind{Code::gone, 410, "gone", "Gone"},
    Kind{Code::precondition_failed, 412, "precondition-failed", "Precondition failed"},
    Kind{Code::too_large, 413, "too-large", "Too large"},
    Kind{Code::unsupported_type, 415, "unsupported-type", "Unsupported media type"},
    Kind{Code::unprocessable, 422, "unprocessable", "Wrong in its content"},
    Kind{Code::rate_limited, 429, "rate-limited", "Too many requests"},
    Kind{Code::internal, 500, "internal", "Internal error"},
    Kind{Code::unavailable, 503, "unavailable", "Unavailable"},
    Kind{Code::storage_full, 507, "storage-full", "Storage full"},
    Kind{Code::timed_out, 504, "timed-out", "Timed out"},
};

const Kind& kind_of(Code code) {
    const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.code == code; });
    return found != kinds.end() ? *found : kinds[11];
}

} // namespace

FileBody& FileBody::operator=(FileBody&& o) noexcept {
    if (this != &o) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = std::exchange(o.fd_, -1);
        offset_ = o.offset_;
        length_ = o.length_;
        checksum_ = std::move(o.checksum_);
    }
    return *this;
}

FileBody::~FileBody() {
    if (fd_ >= 0) ::close(fd_);
}

Response& Response::set(std::string_view name, std::string value) & {
    std::erase_if(headers, [&](const HeaderField& field) { return equal_ignoring_case(field.name, name); });
    return add(name, std::move(value));
}

Response& Response::add(std::string_view name, std::string value) & {
    if (headers.empty()) headers.reserve(6); // what an answer nearly always has room in
    headers.push_back({without_controls(std::string{name}), without_controls(std::move(value))});
    return *this;
}

const std::string* Response::find(std::string_view name) const {
    for (const auto& field : headers)
        if (equal_ignoring_case(field.name, name)) return &field.value;
    return nullptr;
}

Response empty(unsigned status) {
    Response response;
    response.status = status;
    return response;
}

Response text(unsigned status, std::string_view content_type, std::string body) {
    Response response;
    response.status = status;
    response.add("Content-Type", std::string{content_type});
    response.body = std::move(body);
    return response;
}

Response json_text(unsigned status, std::string body) {
    return text(status, "application/json", as_text(std::move(body)));
}

Response json(unsigned status, const boost::json::value& value) {
    return json_text(status, millrace::json_text(value));
}

unsigned status_of(Code code) { return kind_of(code).status; }
std::string_view slug_of(Code code) { return kind_of(code).slug; }
std::string_view title_of(Code code) { return kind_of(code).title; }

Response problem(const Error& error, std::string_view request_id) {
    const auto& kind = kind_of(error.code);
    auto response = problem(kind.status, kind.slug, kind.title, error.detail, request_id);
    if (error.code == Code::unauthenticated) response.add("WWW-Authenticate", "Bearer realm=\"millrace\"");
    if (error.code == Code::unavailable || error.code == Code::rate_limited)
        response.add("Retry-After", std::to_string(std::max(error.retry_after_seconds, 1)));
    return response;
}

Response problem(unsigned status, std::string_view slug, std::string_view title, std::string_view detail,
                 std::string_view request_id) {
    const boost::json::object document{{"type", "/problems/" + std::string{slug}},
                                       {"title", title},
                                       {"status", status},
                                       {"detail", detail},
                                       {"instance", request_id}};
    return text(status, "application/problem+json", millrace::json_text(document));
}

} // namespace millrace::http
