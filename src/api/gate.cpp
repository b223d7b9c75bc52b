#include "api/gate.hpp"

#include "identity/cookie.hpp"
#include "identity/cross_site.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace millrace::api {
namespace {

using http::Request;
using http::Route;
using http::Verb;
using values::Principal;

Result<Principal> by_socket_peer(unsigned uid) {
    if (uid != 0 && uid != ::geteuid())
        return Error{Code::forbidden,
                     fmt::format("the admin socket serves root and the daemon's own user; you are uid {}", uid)};
    return Principal{values::default_organization, {}, fmt::format("uid:{}", uid), values::Role::admin};
}

Result<Principal> by_cookie(identity::Identity& identity, const Request& request, std::string_view token) {
    if (request.method != Verb::get && request.method != Verb::head) {
        const auto allowed =
            identity::check_cookie_write({request.host(), request.header("Origin"), request.header("Sec-Fetch-Site"),
                                          request.header("X-Millrace-Request"), request.tls});
        if (!allowed) return allowed.error();
    }
    return identity.by_session(token);
}

Error forbidden(values::Role role, values::Permission needed) {
    return {Code::forbidden,
            fmt::format("this needs {}, which a key of the role {} has and one of the role {} has not; "
                        "ask an admin for another key",
                        values::name(needed), values::name(values::least_role(needed)), values::name(role))};
}

} // namespace

Result<Principal> authenticate(identity::Identity& identity, const Request& request) {
    if (request.peer_uid) return by_socket_peer(*request.peer_uid);
    const auto authorization = request.header("Authorization");
    if (!authorization.empty()) {
        constexpr std::string_view scheme = "Bearer ";
        if (authorization.size() <= scheme.size() ||
            !http::equal_ignoring_case(authorization.substr(0, scheme.size()), scheme))
            return Error{Code::unauthenticated, "send Authorization: Bearer <key>"};
        return identity.by_key(authorization.substr(scheme.size()));
    }
    if (const auto key = request.header("X-API-Key"); !key.empty()) return identity.by_key(key);
    if (const auto token = identity::session_token(request.header("Cookie"), request.tls))
        return by_cookie(identity, request, *token);
    return Error{Code::unauthenticated,
                 "this needs a key: send Authorization: Bearer <key>; an admin makes one with `millrace key create`"};
}

std::function<awaitable<std::optional<http::Response>>(Request&, const Route&)> make_gate(
    identity::Identity& identity) {
    return [&identity](Request& request, const Route& route) -> awaitable<std::optional<http::Response>> {
        if (route.access.is_open()) co_return std::nullopt;
        auto principal = authenticate(identity, request);
        if (!principal) co_return http::problem(principal.error(), request.id);
        request.principal = std::move(*principal);
        if (const auto needed = *route.access.needed(); !request.principal.may(values::least_role(needed)))
            co_return http::problem(forbidden(request.principal.role, needed), request.id);
        co_return std::nullopt;
    };
}

} // namespace millrace::api
