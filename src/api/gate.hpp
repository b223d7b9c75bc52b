// Who may pass: runs before any byte of a body is read. A key in Authorization or X-API-Key, a session cookie, or on
// the admin socket the peer's user id; then the role that the route needs.
#pragma once
#include "http/server.hpp"
#include "identity/identity.hpp"

namespace millrace::api {

// Who asks, by what the request brings; unauthenticated, or forbidden for another user of the machine. Reads no
// database: a stream may ask again and again whether its request would still pass.
Result<values::Principal> authenticate(identity::Identity& identity, const http::Request& request);

// Borrows `identity`. On the admin socket this process's own user and root are admins, others are refused.
std::function<awaitable<std::optional<http::Response>>(http::Request&, const http::Route&)> make_gate(
    identity::Identity& identity);

} // namespace millrace::api
