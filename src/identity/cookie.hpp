// The session cookie: __Host-sid with Secure over TLS, sid over plain HTTP (a browser refuses the former there).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace millrace::identity {

// The value of Set-Cookie that hands `token` to the browser until it is closed.
std::string session_cookie(std::string_view token, bool tls);
// The value of Set-Cookie that takes it back.
std::string cleared_session_cookie(bool tls);
// The token in a Cookie header; nullopt when there is none, or the name came twice (one of them is not ours).
std::optional<std::string_view> session_token(std::string_view cookie_header, bool tls);

} // namespace millrace::identity
