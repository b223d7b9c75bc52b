// The text of an API key: mr_<public id>_<secret>. The public id is the key's UUID as 32 hex digits; the secret is
// 32 random bytes as base64url. Only the SHA-256 of the secret's text is ever kept.
#pragma once
#include "base/crypto.hpp"
#include "base/id.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace millrace::identity {

struct KeyText {
    KeyId id;
    std::string_view secret; // borrows the text that was parsed
};

// nullopt for anything that cannot be a key; says nothing on whether the key exists.
std::optional<KeyText> parse_key(std::string_view text);
std::string key_text(KeyId id, std::string_view secret);

// 32 bytes from the kernel, as 43 characters of base64url.
std::string new_secret();
// Constant in time.
bool same_digest(const Sha256& a, const Sha256& b);

} // namespace millrace::identity
