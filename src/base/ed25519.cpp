#include "base/ed25519.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <cstring>

namespace millrace {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Key owned(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

const unsigned char* octets(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Bio reading(std::string_view text) { return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free}; }

std::string contents(const Bio& bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

// OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<Key> of_ed25519(Key key, const char* expected) {
    if (!key) return Error{Code::invalid_argument, expected};
    if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519)
        return Error{Code::invalid_argument, "a key of another algorithm than Ed25519"};
    return key;
}

} // namespace

VerifyingKey::VerifyingKey(Key key) : key_{std::move(key)} {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key_.get(), &der);
    if (size <= 0) std::abort(); // out of memory: the key was read before
    const auto digest = sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    id_ = hex(std::span{digest}.first(8));
}

Result<VerifyingKey> VerifyingKey::from_pem(std::string_view pem) {
    const auto bio = reading(pem);
    auto key = of_ed25519(owned(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr)),
                          "not a public key in PEM (-----BEGIN PUBLIC KEY-----)");
    if (!key) return key.error();
    return VerifyingKey{std::move(*key)};
}

std::string VerifyingKey::pem() const {
    const Bio bio{BIO_new(BIO_s_mem()), BIO_free};
    PEM_write_bio_PUBKEY(bio.get(), key_.get());
    return contents(bio);
}

bool VerifyingKey::verifies(std::string_view text, const Signature& signature) const {
    const Context context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            octets(text), text.size()) == 1;
}

SigningKey SigningKey::make() {
    auto key = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (!key) std::abort(); // no randomness or no memory
    return SigningKey{std::move(key)};
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
    const auto bio = reading(pem);
    auto key = of_ed25519(owned(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)),
                          "not a private key in PEM without a passphrase (-----BEGIN PRIVATE KEY-----)");
    if (!key) return key.error();
    return SigningKey{std::move(*key)};
}

std::string SigningKey::pem() const {
    const Bio bio{BIO_new(BIO_s_secmem()), BIO_free};
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return contents(bio);
}

VerifyingKey SigningKey::verifying() const { return VerifyingKey{key_}; }

Signature SigningKey::sign(std::string_view text) const {
    Signature out{};
    std::size_t size = out.size();
    const Context context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, octets(text), text.size()) !=
            1 ||
        size != out.size())
        std::abort(); // out of memory: the key is a sound one
    return out;
}

std::optional<Signature> read_signature(std::string_view text) {
    Signature out{};
    if (text.size() == out.size()) {
        std::memcpy(out.data(), text.data(), out.size());
        return out;
    }
    constexpr std::string_view blanks = " \t\r\n";
    const auto from = text.find_first_not_of(blanks), to = text.find_last_not_of(blanks);
    if (from == std::string_view::npos) return std::nullopt;
    const auto bytes = from_base64(text.substr(from, to + 1 - from));
    if (!bytes || bytes->size() != out.size()) return std::nullopt;
    std::memcpy(out.data(), bytes->data(), out.size());
    return out;
}

} // namespace millrace
