// The SQL of keys and sessions. Called only inside store tasks; failures of the database leave as DatabaseError.
#pragma once
#include "identity/key.hpp"
#include "store/sql.hpp"

#include <vector>

namespace millrace::identity {

// Over all organisations: read once, at start.
std::vector<StoredKey> active_keys(store::SystemSession& session, Timestamp now);
std::vector<StoredSession> active_sessions(store::SystemSession& session, Timestamp now);

void insert_key(store::OrganizationSession& session, const StoredKey& key);
std::vector<Key> list_keys(store::OrganizationSession& session); // newest first
// False when the organisation has no such key. A key that was revoked before keeps its first time.
bool revoke_key(store::OrganizationSession& session, KeyId id, Timestamp now);
void touch_key(store::OrganizationSession& session, KeyId id, Timestamp now);

void insert_session(store::OrganizationSession& session, const StoredSession& row);
void touch_session(store::OrganizationSession& session, const Sha256& token, Timestamp now);
void delete_session(store::OrganizationSession& session, const Sha256& token);
void delete_sessions_of(store::OrganizationSession& session, KeyId key);
void delete_ended_sessions(store::OrganizationSession& session, Timestamp now);

} // namespace millrace::identity
