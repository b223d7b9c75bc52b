// Signatures by Ed25519 (RFC 8032) on OpenSSL, with keys as PEM, as `openssl genpkey -algorithm ed25519` writes them.
// Values; thread-safe once made.
#pragma once
#include "base/result.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace millrace {

using Signature = std::array<std::byte, 64>;

class VerifyingKey {
public:
    // invalid_argument when `pem` is no public key, or of another algorithm.
    static Result<VerifyingKey> from_pem(std::string_view pem);

    // The first 16 hex digits of the SHA-256 of its DER form: `openssl pkey -pubin -outform DER | sha256sum`.
    const std::string& id() const { return id_; }
    std::string pem() const;
    bool verifies(std::string_view text, const Signature& signature) const;

private:
    friend class SigningKey;
    explicit VerifyingKey(std::shared_ptr<evp_pkey_st> key);
    std::shared_ptr<evp_pkey_st> key_; // shared by copies; never changed
    std::string id_;
};

class SigningKey {
public:
    static SigningKey make();
    // invalid_argument when `pem` is no private key, is encrypted, or is of another algorithm.
    static Result<SigningKey> from_pem(std::string_view pem);

    std::string pem() const; // a secret
    VerifyingKey verifying() const;
    Signature sign(std::string_view text) const;

private:
    explicit SigningKey(std::shared_ptr<evp_pkey_st> key) : key_{std::move(key)} {}
    std::shared_ptr<evp_pkey_st> key_;
};

// Of 64 bytes as they are, or their base64 with blanks around it; nullopt for anything else.
std::optional<Signature> read_signature(std::string_view text);

} // namespace millrace
