// The SQL of keys and sessions. Called only inside store tasks; failures of the database leave as DatabaseError.
#pragma once
#include "identity/key.hpp"
#include "store/sql.hpp"

#include <vector>

namespace millrace::identity {

// Over all organisations: read once, at start.
std::vector<StoredKey> active_keys(store::Session& session, Timestamp now);
std::vector<StoredSession> active_sessions(store::Session& session, Timestamp now);

void insert_key(store::TenantSession& session, const StoredKey& key);
std::vector<Key> list_keys(store::TenantSession& session); // newest first
// False when the organisation has no such key. A key that was revoked before keeps its first time.
bool revoke_key(store::TenantSession& session, KeyId id, Timestamp now);
void touch_key(store::TenantSession& session, KeyId id, Timestamp now);

void insert_session(store::TenantSession& session, const StoredSession& row);
void touch_session(store::TenantSession& session, const Sha256& token, Timestamp now);
void delete_session(store::TenantSession& session, const Sha256& token);
void delete_sessions_of(store::TenantSession& session, KeyId key);
void delete_ended_sessions(store::TenantSession& session, Timestamp now);

} // namespace millrace::identity
