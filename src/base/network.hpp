// IP addresses and networks as numbers. An IPv4 address is its IPv4-mapped IPv6 form, so that the two are compared
// alike. Pure.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};

    // 192.0.2.1, 2001:db8::1; no port, no brackets, no zone.
    static std::optional<IpAddress> parse(std::string_view text);
    bool is_v4() const;
    bool is_loopback() const; // 127.0.0.0/8, ::1
    std::string text() const; // as it is written: 192.0.2.1 for what came as ::ffff:192.0.2.1
    bool operator==(const IpAddress&) const = default;
};

struct IpNetwork {
    IpAddress address;
    unsigned prefix = 128; // bits of the IPv6 form

    // 10.0.0.0/8, fd00::/8, or an address alone.
    static std::optional<IpNetwork> parse(std::string_view text);
    bool contains(const IpAddress& other) const;
    std::string text() const;
    bool operator==(const IpNetwork&) const = default;
};

// Whose share of something an address uses: an IPv6 address its /64, for a subscriber is given that many (RFC 6177);
// another one its own, as does what is no address.
std::string share_of(const std::string& address);

} // namespace millrace
