#include "base/network.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace millrace {
namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}; // RFC 4291, section 2.5.5.2

} // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.empty() || text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos)
        return std::nullopt;
    const std::string terminated{text};
    IpAddress out;
    if (::inet_pton(AF_INET6, terminated.c_str(), out.bytes.data()) == 1) return out;
    std::copy(mapped.begin(), mapped.end(), out.bytes.begin());
    if (::inet_pton(AF_INET, terminated.c_str(), out.bytes.data() + mapped.size()) == 1) return out;
    return std::nullopt;
}

bool IpAddress::is_v4() const { return std::equal(mapped.begin(), mapped.end(), bytes.begin()); }

bool IpAddress::is_loopback() const {
    if (is_v4()) return bytes[12] == 127;
    return bytes[15] == 1 && std::all_of(bytes.begin(), bytes.end() - 1, [](auto byte) { return byte == 0; });
}

std::string IpAddress::text() const {
    char text[INET6_ADDRSTRLEN];
    if (is_v4()) ::inet_ntop(AF_INET, bytes.data() + mapped.size(), text, sizeof text);
    else ::inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    return text;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    if (slash == std::string_view::npos) return IpNetwork{*address, 128};
    const auto length = text.substr(slash + 1);
    const bool v4 = text.find(':') == std::string_view::npos;
    unsigned prefix = 0;
    const auto [end, failure] = std::from_chars(length.data(), length.data() + length.size(), prefix);
    if (failure != std::errc{} || end != length.data() + length.size() || prefix > (v4 ? 32u : 128u))
        return std::nullopt;
    return IpNetwork{*address, v4 ? prefix + 96 : prefix};
}

bool IpNetwork::contains(const IpAddress& other) const {
    const unsigned whole = prefix / 8, rest = prefix % 8;
    if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, other.bytes.begin())) return false;
    if (rest == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
    return (address.bytes[whole] & mask) == (other.bytes[whole] & mask);
}

std::string share_of(const std::string& address) {
    const auto parsed = IpAddress::parse(address);
    if (!parsed || parsed->is_v4() || parsed->is_loopback()) return address;
    IpNetwork subnet{*parsed, 64};
    std::fill(subnet.address.bytes.begin() + 8, subnet.address.bytes.end(), std::uint8_t{0});
    return subnet.text();
}

std::string IpNetwork::text() const {
    const unsigned whole = address.is_v4() ? 32 : 128;
    const unsigned length = address.is_v4() ? prefix - 96 : prefix;
    return address.text() + (length == whole ? std::string{} : "/" + std::to_string(length));
}

} // namespace millrace
