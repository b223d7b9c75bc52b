#include "base/ed25519.hpp"

#include "base/encoding.hpp"

#include <doctest/doctest.h>

using namespace millrace;

namespace {

// RFC 8032, section 7.1, TEST 2: the key's 32 bytes behind the fixed head of PKCS #8, as OpenSSL writes it.
constexpr const char* private_pem = "-----BEGIN PRIVATE KEY-----\n"
                                    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
                                    "-----END PRIVATE KEY-----\n";
constexpr const char* expected_signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                           "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

} // namespace

TEST_CASE("a signature is the one of RFC 8032") {
    const auto key = SigningKey::from_pem(private_pem);
    REQUIRE(key.has_value());
    CHECK(hex(key->sign("\x72")) == expected_signature);
    CHECK(key->verifying().verifies("\x72", key->sign("\x72")));
}

TEST_CASE("a signature holds for its text and its key alone") {
    const auto key = SigningKey::make();
    const auto signature = key.sign("a text");
    CHECK(key.verifying().verifies("a text", signature));
    CHECK_FALSE(key.verifying().verifies("a texu", signature));
    CHECK_FALSE(key.verifying().verifies("", signature));
    CHECK_FALSE(SigningKey::make().verifying().verifies("a text", signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        auto changed = signature;
        changed[i] ^= std::byte{1};
        CHECK_FALSE(key.verifying().verifies("a text", changed));
    }
}

TEST_CASE("keys go through PEM and keep their name") {
    const auto key = SigningKey::make();
    const auto again = SigningKey::from_pem(key.pem());
    REQUIRE(again.has_value());
    CHECK(again->verifying().id() == key.verifying().id());
    const auto verifying = VerifyingKey::from_pem(key.verifying().pem());
    REQUIRE(verifying.has_value());
    CHECK(verifying->id() == key.verifying().id());
    CHECK(verifying->id().size() == 16);
    CHECK(verifying->verifies("x", key.sign("x")));
    CHECK(SigningKey::make().verifying().id() != key.verifying().id());
}

TEST_CASE("what is no key is refused in words") {
    const auto key = SigningKey::make();
    CHECK(VerifyingKey::from_pem("").error().code == Code::invalid_argument);
    CHECK(VerifyingKey::from_pem(key.pem()).error().detail.find("public key") != std::string::npos);
    CHECK(SigningKey::from_pem(key.verifying().pem()).error().detail.find("private key") != std::string::npos);
    constexpr const char* on_a_curve = "-----BEGIN PUBLIC KEY-----\n"
                                       "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/qW4soDmIb2xcwzekrK5ZBw8HkRi\n"
                                       "mfCb3Px5hdDgcbe+7XmNerX8fevJTfKHvhoibKcoQNuuWDLaH9rEcAajDw==\n"
                                       "-----END PUBLIC KEY-----\n";
    CHECK(VerifyingKey::from_pem(on_a_curve).error().detail.find("another algorithm") != std::string::npos);
}

TEST_CASE("a signature comes as 64 bytes or as base64") {
    const auto signature = SigningKey::make().sign("x");
    CHECK(read_signature({reinterpret_cast<const char*>(signature.data()), signature.size()}) == signature);
    CHECK(read_signature(base64(signature)) == signature);
    CHECK(read_signature("  " + base64(signature) + "\n") == signature);
    for (const auto* bad : {"", " \n", "AAAA", "not base64"}) CHECK_FALSE(read_signature(bad).has_value());
}
