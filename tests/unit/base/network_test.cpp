#include "base/network.hpp"

#include <doctest/doctest.h>

using namespace millrace;

TEST_CASE("addresses are read, and IPv4 is the same however it is written") {
    CHECK(IpAddress::parse("192.0.2.1") == IpAddress::parse("::ffff:192.0.2.1"));
    CHECK(IpAddress::parse("::ffff:192.0.2.1")->text() == "192.0.2.1");
    CHECK(IpAddress::parse("2001:DB8:0:0::1")->text() == "2001:db8::1");
    for (const char* loopback : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
        CHECK(IpAddress::parse(loopback)->is_loopback());
    for (const char* other : {"128.0.0.1", "::2", "1::1", "0.0.0.1"})
        CHECK_FALSE(IpAddress::parse(other)->is_loopback());
    for (const char* wrong :
         {"", "localhost", "192.0.2", "192.0.2.256", "[::1]", "::1%lo", "192.0.2.1:80", " 192.0.2.1", "192.0.2.1\n"})
        CHECK_FALSE(IpAddress::parse(wrong));
    CHECK_FALSE(IpAddress::parse(std::string(1000, '1')));
    CHECK_FALSE(IpAddress::parse(std::string_view{"192.0.2.1\0x", 11}));
}

TEST_CASE("a network has the addresses that begin as it does") {
    const auto has = [](const char* network, const char* address) {
        return IpNetwork::parse(network)->contains(*IpAddress::parse(address));
    };
    CHECK(has("10.0.0.0/8", "10.255.0.1"));
    CHECK(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    CHECK_FALSE(has("10.0.0.0/8", "11.0.0.0"));
    CHECK(has("192.0.2.128/25", "192.0.2.200"));
    CHECK_FALSE(has("192.0.2.128/25", "192.0.2.127"));
    CHECK(has("192.0.2.7", "192.0.2.7"));
    CHECK_FALSE(has("192.0.2.7", "192.0.2.8"));
    CHECK(has("0.0.0.0/0", "203.0.113.9"));
    CHECK_FALSE(has("0.0.0.0/0", "2001:db8::1"));
    CHECK(has("::/0", "203.0.113.9"));
    CHECK(has("fd00::/8", "fdff::1"));
    CHECK(has("2001:db8::/33", "2001:db8:7fff::1"));
    CHECK_FALSE(has("2001:db8::/33", "2001:db8:8000::1"));
    for (const char* wrong :
         {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "10.0.0.0/8/8", "*"})
        CHECK_FALSE(IpNetwork::parse(wrong));
    for (const char* text : {"10.0.0.0/8", "192.0.2.7", "fd00::/8", "2001:db8::1"})
        CHECK(IpNetwork::parse(text)->text() == text);
}

TEST_CASE("an IPv6 address shares with its /64, every other with nobody") {
    CHECK(share_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
    CHECK(share_of("2001:db8:1:2::1") == "2001:db8:1:2::/64");
    for (const std::string own : {"192.0.2.1", "127.0.0.1", "::1", "::ffff:192.0.2.1", "unix", ""})
        CHECK(share_of(own) == own);
}
