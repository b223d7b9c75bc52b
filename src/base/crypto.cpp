#include "base/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <cstdlib>
#include <utility>

#include <sys/random.h>

namespace millrace {

void random_bytes(std::span<std::byte> out) {
    while (!out.empty()) {
        const auto got = ::getrandom(out.data(), out.size(), 0);
        if (got <= 0) std::abort();
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

std::uint64_t random64() {
    thread_local std::array<std::uint64_t, 64> block;
    thread_local std::size_t left = 0;
    if (left == 0) {
        random_bytes(std::as_writable_bytes(std::span{block}));
        left = block.size();
    }
    return std::exchange(block[--left], 0); // what was given is not kept
}

Sha256 sha256(std::string_view bytes) {
    Sha256Stream stream;
    stream.update(std::as_bytes(std::span{bytes.data(), bytes.size()}));
    return stream.finish();
}

struct Sha256Stream::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

namespace {
// Fetched once: EVP_sha256() alone makes OpenSSL 3 look the provider up at every digest.
const EVP_MD* algorithm() {
    static const EVP_MD* const sha = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return sha;
}
} // namespace

Sha256Stream::Sha256Stream() : state_{std::make_unique<State>()} {
    EVP_DigestInit_ex2(state_->context, algorithm(), nullptr);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

Sha256 Sha256Stream::finish() {
    Sha256 out{};
    EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(out.data()), nullptr);
    return out;
}

bool equal_secrets(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace millrace
