#include "identity/key_text.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::identity;

TEST_CASE("a key's text gives back its id and its secret") {
    const KeyId id = KeyId::make();
    const std::string secret = new_secret();
    const std::string text = key_text(id, secret);
    CHECK(text.starts_with("mr_"));
    const auto parsed = parse_key(text);
    REQUIRE(parsed);
    CHECK(parsed->id == id);
    CHECK(parsed->secret == secret);
}

TEST_CASE("a secret is 43 characters of base64url and never the same twice") {
    const std::string a = new_secret(), b = new_secret();
    CHECK(a.size() == 43);
    CHECK(a != b);
    CHECK(a.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos);
}

TEST_CASE("what is no key is refused before any look-up") {
    const std::string good = key_text(KeyId::make(), new_secret());
    CHECK(parse_key(good));
    CHECK_FALSE(parse_key(""));
    CHECK_FALSE(parse_key("mr_"));
    CHECK_FALSE(parse_key(good.substr(0, good.size() - 1)));
    CHECK_FALSE(parse_key(good + "A"));
    CHECK_FALSE(parse_key("xx_" + good.substr(3)));
    std::string no_hex = good, no_separator = good, no_secret = good;
    no_hex[3] = 'g';
    no_separator[35] = '-';
    no_secret.back() = '=';
    CHECK_FALSE(parse_key(no_hex));
    CHECK_FALSE(parse_key(no_separator));
    CHECK_FALSE(parse_key(no_secret));
}
