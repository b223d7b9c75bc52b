#include "identity/cookie.hpp"

namespace millrace::identity {
namespace {

std::string_view cookie_name(bool tls) { return tls ? "__Host-sid" : "sid"; }
std::string_view attributes(bool tls) {
    return tls ? "; Path=/; Secure; HttpOnly; SameSite=Strict" : "; Path=/; HttpOnly; SameSite=Strict";
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

} // namespace

std::string session_cookie(std::string_view token, bool tls) {
    std::string out{cookie_name(tls)};
    out += '=';
    out += token;
    out += attributes(tls);
    return out;
}

std::string cleared_session_cookie(bool tls) { return session_cookie("", tls) + "; Max-Age=0"; }

std::optional<std::string_view> session_token(std::string_view cookie_header, bool tls) {
    std::optional<std::string_view> found;
    while (!cookie_header.empty()) {
        const auto end = cookie_header.find(';');
        const auto pair = trim(cookie_header.substr(0, end));
        cookie_header = end == std::string_view::npos ? std::string_view{} : cookie_header.substr(end + 1);
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || trim(pair.substr(0, equals)) != cookie_name(tls)) continue;
        if (found) return std::nullopt;
        found = trim(pair.substr(equals + 1));
    }
    return found && !found->empty() ? found : std::nullopt;
}

} // namespace millrace::identity
