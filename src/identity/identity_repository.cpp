#include "identity/identity_repository.hpp"

#include "base/encoding.hpp"
#include "identity/identity.hpp"

#include <algorithm>

namespace millrace::identity {
namespace {

Sha256 digest(std::string_view text) {
    const auto bytes = from_hex(text);
    Sha256 out{};
    if (!bytes || bytes->size() != out.size())
        throw store::DatabaseError{store::Fault::broken, "a stored digest is malformed"};
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return out;
}

// Columns: id, organization_id, name, role, created_at, expires_at, revoked_at, last_used_at, weight.
Key key_of(const store::Rows& rows) {
    const auto role = values::role(rows.text(3));
    if (!role) throw store::DatabaseError{store::Fault::broken, "a stored role is unknown"};
    return {.id = rows.id<KeyId>(0),
            .organization = rows.id<OrganizationId>(1),
            .name = rows.string(2),
            .role = *role,
            .created_at = rows.time(4),
            .expires_at = rows.maybe_time(5),
            .revoked_at = rows.maybe_time(6),
            .last_used_at = rows.maybe_time(7),
            .weight = static_cast<int>(rows.integer(8))};
}

} // namespace

std::vector<StoredKey> active_keys(store::SystemSession& session, Timestamp now) {
    auto rows = session.query("SELECT k.id, k.organization_id, k.name, k.role, k.created_at, k.expires_at, "
                              "k.revoked_at, k.last_used_at, k.weight, "
                              "k.secret_sha256, o.weight FROM keys k JOIN organizations o ON o.id = k.organization_id "
                              "WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)",
                              {now});
    std::vector<StoredKey> keys;
    while (rows.next()) keys.push_back({key_of(rows), digest(rows.text(9)), static_cast<int>(rows.integer(10))});
    return keys;
}

std::vector<StoredSession> active_sessions(store::SystemSession& session, Timestamp now) {
    auto rows = session.query("SELECT id_sha256, organization_id, key_id, created_at, last_used_at, expires_at "
                              "FROM sessions WHERE expires_at > $1 AND last_used_at > $2",
                              {now, now - Identity::session_idle});
    std::vector<StoredSession> sessions;
    while (rows.next())
        sessions.push_back({digest(rows.text(0)), rows.id<OrganizationId>(1), rows.id<KeyId>(2), rows.time(3),
                            rows.time(4), rows.time(5)});
    return sessions;
}

void insert_key(store::OrganizationSession& session, const StoredKey& stored) {
    const Key& key = stored.key;
    session.execute("INSERT INTO keys (organization_id, id, name, role, secret_sha256, created_at, expires_at, weight) "
                    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    {key.id, key.name, values::name(key.role), hex(stored.secret_sha256), key.created_at,
                     key.expires_at, key.weight});
}

std::vector<Key> list_keys(store::OrganizationSession& session) {
    auto rows = session.query(
        "SELECT id, organization_id, name, role, created_at, expires_at, revoked_at, last_used_at, weight "
        "FROM keys WHERE organization_id = $1 ORDER BY created_at DESC, id DESC");
    std::vector<Key> keys;
    while (rows.next()) keys.push_back(key_of(rows));
    return keys;
}

bool revoke_key(store::OrganizationSession& session, KeyId id, Timestamp now) {
    return session.execute(
               "UPDATE keys SET revoked_at = coalesce(revoked_at, $3) WHERE organization_id = $1 AND id = $2",
               {id, now}) > 0;
}

void touch_key(store::OrganizationSession& session, KeyId id, Timestamp now) {
    session.execute("UPDATE keys SET last_used_at = $3 WHERE organization_id = $1 AND id = $2", {id, now});
}

void insert_session(store::OrganizationSession& session, const StoredSession& row) {
    session.execute("INSERT INTO sessions (organization_id, id_sha256, key_id, created_at, last_used_at, expires_at) "
                    "VALUES ($1, $2, $3, $4, $5, $6)",
                    {hex(row.token_sha256), row.key, row.created_at, row.last_used_at, row.expires_at});
}

void touch_session(store::OrganizationSession& session, const Sha256& token, Timestamp now) {
    session.execute("UPDATE sessions SET last_used_at = $3 WHERE organization_id = $1 AND id_sha256 = $2",
                    {hex(token), now});
}

void delete_session(store::OrganizationSession& session, const Sha256& token) {
    session.execute("DELETE FROM sessions WHERE organization_id = $1 AND id_sha256 = $2", {hex(token)});
}

void delete_sessions_of(store::OrganizationSession& session, KeyId key) {
    session.execute("DELETE FROM sessions WHERE organization_id = $1 AND key_id = $2", {key});
}

void delete_ended_sessions(store::OrganizationSession& session, Timestamp now) {
    session.execute("DELETE FROM sessions WHERE organization_id = $1 AND (expires_at <= $2 OR last_used_at <= $3)",
                    {now, now - Identity::session_idle});
}

} // namespace millrace::identity
