#include "api/identity/identity_routes.hpp"

#include "api/input.hpp"
#include "api/page_text.hpp"
#include "api/routing.hpp"
#include "identity/cookie.hpp"
#include "identity/cross_site.hpp"

namespace millrace::api {
namespace {

json::value moment(const std::optional<Timestamp>& time) {
    return time ? json::value(time->text()) : json::value(nullptr);
}

json::object write_key(const identity::Key& key) {
    return {{"id", key.id.text()},
            {"name", key.name},
            {"role", values::name(key.role)},
            {"weight", key.weight},
            {"created_at", key.created_at.text()},
            {"expires_at", moment(key.expires_at)},
            {"last_used_at", moment(key.last_used_at)},
            {"revoked_at", moment(key.revoked_at)}};
}

json::object write_principal(const values::Principal& who) {
    return {{"name", who.name}, {"role", values::name(who.role)}, {"organization", who.organization.text()}};
}

Result<identity::NewKey> read_new_key(const json::value& document) {
    const auto* object = document.if_object();
    if (!object)
        return Error{Code::unprocessable, "a new key is an object: {\"name\":\"camera-7\",\"role\":\"submitter\"}"};
    if (const auto known = only_fields(*object, {"name", "role", "expires_at", "weight"}); !known) return known.error();
    const auto key_name = string_field(*object, "name", 100), role = string_field(*object, "role", 16),
               expires = string_field(*object, "expires_at", 64);
    const auto weight = integer_field(*object, "weight", 1, 100);
    if (!key_name) return key_name.error();
    if (!role) return role.error();
    if (!expires) return expires.error();
    if (!weight) return weight.error();
    identity::NewKey key;
    key.name = key_name->value_or("");
    const auto known_role = values::role(role->value_or(""));
    if (!known_role) return Error{Code::unprocessable, "\"role\" must be viewer, submitter, operator or admin"};
    key.role = *known_role;
    key.weight = static_cast<int>(weight->value_or(1));
    if (*expires) {
        key.expires_at = Timestamp::parse(**expires);
        if (!key.expires_at) return Error{Code::unprocessable, "\"expires_at\" must be an RFC 3339 time"};
    }
    return key;
}

struct IdentityRoutes {
    identity::Identity& identity;

    awaitable<Response> login(Request& request) const {
        const auto document = co_await read_json(request);
        if (!document) co_return http::problem(document.error(), request.id);
        const auto* object = document->if_object();
        const auto* key = object ? object->if_contains("key") : nullptr;
        if (!key || !key->is_string())
            co_return http::problem({Code::unprocessable, "send {\"key\":\"mr_…\"}"}, request.id);
        const auto previous = identity::session_token(request.header("Cookie"), request.tls).value_or("");
        auto signed_in = co_await identity.login(std::string{key->get_string()}, request.remote, std::string{previous});
        if (!signed_in) co_return http::problem(signed_in.error(), request.id);
        auto response = http::json(200, write_principal(signed_in->principal));
        response.add("Set-Cookie", identity::session_cookie(signed_in->token, request.tls));
        co_return response;
    }

    // Open, so that an expired session can be left too; the token in the cookie is what it acts on.
    awaitable<Response> logout(Request& request) const {
        const auto token = identity::session_token(request.header("Cookie"), request.tls);
        if (!token) co_return http::empty(204);
        const auto allowed =
            identity::check_cookie_write({request.host(), request.header("Origin"), request.header("Sec-Fetch-Site"),
                                          request.header("X-Millrace-Request"), request.tls});
        if (!allowed) co_return http::problem(allowed.error(), request.id);
        const auto done = co_await identity.logout(std::string{*token});
        if (!done) co_return http::problem(done.error(), request.id);
        auto response = http::empty(204);
        response.add("Set-Cookie", identity::cleared_session_cookie(request.tls));
        co_return response;
    }

    awaitable<Response> session(Request& request) const {
        co_return http::json(200, write_principal(request.principal));
    }

    awaitable<Response> create(Request& request) const {
        const auto document = co_await read_json(request);
        if (!document) co_return http::problem(document.error(), request.id);
        auto wanted = read_new_key(*document);
        if (!wanted) co_return http::problem(wanted.error(), request.id);
        const auto created = co_await identity.create_key(request.principal, std::move(*wanted));
        if (!created) co_return http::problem(created.error(), request.id);
        auto body = write_key(created->key);
        body["key"] = created->text;
        co_return http::json(201, body);
    }

    awaitable<Response> list(Request& request) const {
        const auto keys = co_await identity.list_keys(request.principal);
        if (!keys) co_return http::problem(keys.error(), request.id);
        PageText page{request.query, PageText::Order::falling};
        for (const auto& key : *keys)
            if (const auto place = key.created_at.text() + " " + key.id.text(); page.wants(place))
                page.add(place, write_key(key));
        co_return http::json_text(200, page.text());
    }

    awaitable<Response> revoke(Request& request) const {
        const auto id = path_id<KeyId>(request, "key");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto done = co_await identity.revoke_key(request.principal, *id);
        co_return done ? http::empty(204) : http::problem(done.error(), request.id);
    }
};

} // namespace

void add_identity_routes(http::Router& router, identity::Identity& identity) {
    const auto routes = std::make_shared<const IdentityRoutes>(IdentityRoutes{identity}); // shared by its handlers
    router.add({Verb::post, "/api/v1/auth/login", [routes](Request& r) { return routes->login(r); },
                BodyPolicy::buffered(4096), Access::open()});
    router.add(
        {Verb::post, "/api/v1/auth/logout", [routes](Request& r) { return routes->logout(r); }, {}, Access::open()});
    router.add({Verb::get,
                "/api/v1/auth/session",
                [routes](Request& r) { return routes->session(r); },
                {},
                Permission::session_read});
    router.add(
        {Verb::get, "/api/v1/keys", [routes](Request& r) { return routes->list(r); }, {}, Permission::keys_manage});
    router.add({Verb::post, "/api/v1/keys", [routes](Request& r) { return routes->create(r); },
                BodyPolicy::buffered(16 * 1024), Permission::keys_manage});
    router.add({Verb::delete_,
                "/api/v1/keys/{id}",
                [routes](Request& r) { return routes->revoke(r); },
                {},
                Permission::keys_manage});
}

} // namespace millrace::api
