// API keys and sessions as plain values.
#pragma once
#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/id.hpp"
#include "values/principal.hpp"

#include <optional>
#include <string>

namespace millrace::identity {

// What an admin asks for.
struct NewKey {
    std::string name; // 1-100 bytes, no control characters
    values::Role role = values::Role::viewer;
    std::optional<Timestamp> expires_at;
    int weight = 1; // 1-100: its share of the queue beside the organisation's other keys
};

// What may be shown of a key.
struct Key {
    KeyId id;
    OrganizationId organization;
    std::string name;
    values::Role role = values::Role::viewer;
    Timestamp created_at;
    std::optional<Timestamp> expires_at, revoked_at;
    std::optional<Timestamp> last_used_at; // exact to a minute
    int weight = 1;
};

struct CreatedKey {
    Key key;
    std::string text; // mr_…: in this answer and nowhere else
};

// A key or session as it is stored: with the digest of what its owner holds.
struct StoredKey {
    Key key;
    Sha256 secret_sha256{};
    int organization_weight = 1;
};

// As the change feed tells it.
struct KeyCreated {
    StoredKey stored;
};
struct KeyRevoked { // and its sessions
    KeyId id;
};

struct StoredSession {
    Sha256 token_sha256{};
    OrganizationId organization;
    KeyId key;
    Timestamp created_at, last_used_at, expires_at;
};

struct SignedIn {
    std::string token; // for the cookie
    values::Principal principal;
};

} // namespace millrace::identity
