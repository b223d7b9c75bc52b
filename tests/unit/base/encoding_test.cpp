#include "base/crypto.hpp"
#include "base/encoding.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace millrace;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span{text.data(), text.size()}); }
std::string text(const std::optional<std::vector<std::byte>>& value) {
    REQUIRE(value.has_value());
    return {reinterpret_cast<const char*>(value->data()), value->size()};
}

} // namespace

TEST_CASE("hexadecimal goes both ways, and half a byte or a wrong digit is refused") {
    CHECK(hex(bytes(std::string_view{"\x00\x7f\xff", 3})) == "007fff");
    CHECK(text(from_hex("4d4E")) == "MN");
    CHECK(text(from_hex("")).empty());
    CHECK_FALSE(from_hex("4d4").has_value());
    CHECK_FALSE(from_hex("4g").has_value());
    CHECK_FALSE(from_hex("0x").has_value());
}

TEST_CASE("base64 follows RFC 4648, with its test vectors") {
    const std::pair<const char*, const char*> vectors[]{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, coded] : vectors) {
        CHECK(base64(bytes(plain)) == coded);
        CHECK(text(from_base64(coded)) == plain);
    }
    CHECK(base64(bytes("\xfb\xff")) == "+/8=");
    CHECK(base64url(bytes("\xfb\xff")) == "-_8");
    CHECK(text(from_base64("-_8")) == "\xfb\xff");
    CHECK(text(from_base64("+/8=")) == "\xfb\xff");
}

TEST_CASE("what is not base64 is refused") {
    for (const char* wrong :
         {"Z", "Zm9vY", "Zm 9v", "Zm9v\n", "Zm=9", "Z===", "====", "Zm9v=", "Zg=", "Zh==", "Zm9="}) {
        CAPTURE(wrong);
        CHECK_FALSE(from_base64(wrong).has_value());
    }
}

TEST_CASE("a digest is 64 lower-case hex digits") {
    CHECK(is_sha256_hex(std::string(64, 'a')));
    CHECK_FALSE(is_sha256_hex(std::string(64, 'A')));
    CHECK_FALSE(is_sha256_hex(std::string(63, 'a')));
    CHECK_FALSE(is_sha256_hex(std::string(63, 'a') + "/"));
}

TEST_CASE("SHA-256 of known texts, in one piece and in many") {
    CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    Sha256Stream stream;
    for (const char* piece : {"a", "", "bc"}) stream.update(bytes(piece));
    CHECK(hex(stream.finish()) == hex(sha256("abc")));
}

TEST_CASE("secrets are equal only when all of them is") {
    CHECK(equal_secrets("secret", "secret"));
    CHECK_FALSE(equal_secrets("secret", "secres"));
    CHECK_FALSE(equal_secrets("secret", "secre"));
    CHECK(equal_secrets("", ""));
}

TEST_CASE("random bytes fill all of the space and differ") {
    std::array<std::byte, 4096> a{}, b{};
    random_bytes(a);
    random_bytes(b);
    CHECK(std::memcmp(a.data(), b.data(), a.size()) != 0);
    std::size_t zeros = 0;
    for (const auto each : a) zeros += each == std::byte{0};
    CHECK(zeros < 100);
}
