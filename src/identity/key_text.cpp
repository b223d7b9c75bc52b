#include "identity/key_text.hpp"

#include "base/encoding.hpp"

#include <algorithm>

namespace millrace::identity {
namespace {

constexpr std::string_view prefix = "mr_";
constexpr std::size_t id_length = 32, secret_length = 43;

bool is_base64url(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

std::string_view characters(const Sha256& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

} // namespace

std::optional<KeyText> parse_key(std::string_view text) {
    if (text.size() != prefix.size() + id_length + 1 + secret_length || !text.starts_with(prefix)) return std::nullopt;
    const auto id = text.substr(prefix.size(), id_length);
    const auto secret = text.substr(prefix.size() + id_length + 1);
    if (text[prefix.size() + id_length] != '_' || !is_base64url(secret)) return std::nullopt;
    const auto bytes = from_hex(id);
    if (!bytes) return std::nullopt;
    KeyText key{{}, secret};
    std::transform(bytes->begin(), bytes->end(), key.id.value.bytes.begin(),
                   [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    return key;
}

std::string key_text(KeyId id, std::string_view secret) {
    std::string out{prefix};
    out += hex(std::as_bytes(std::span{id.value.bytes}));
    out += '_';
    out += secret;
    return out;
}

std::string new_secret() {
    std::array<std::byte, 32> bytes{};
    random_bytes(bytes);
    return base64url(bytes);
}

bool same_digest(const Sha256& a, const Sha256& b) { return equal_secrets(characters(a), characters(b)); }

} // namespace millrace::identity
