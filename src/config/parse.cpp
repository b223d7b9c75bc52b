#include "config/parse.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <arpa/inet.h>
#include <array>
#include <charconv>

namespace millrace::config {
namespace {

Error expected(std::string what) { return {Code::invalid_argument, std::move(what)}; }

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct Unit {
    std::string_view name;
    std::uint64_t bytes;
};
constexpr std::array<Unit, 9> units{{{"KiB", 1ULL << 10},
                                     {"MiB", 1ULL << 20},
                                     {"GiB", 1ULL << 30},
                                     {"TiB", 1ULL << 40},
                                     {"kB", 1000},
                                     {"KB", 1000},
                                     {"MB", 1'000'000},
                                     {"GB", 1'000'000'000},
                                     {"TB", 1'000'000'000'000}}};

bool is_numeric_address(const std::string& address) {
    std::array<unsigned char, 16> bytes{};
    return ::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
}

} // namespace

Result<std::uint64_t> parse_integer(std::string_view text, std::uint64_t low, std::uint64_t high) {
    const auto value = number(text);
    if (!value || *value < low || *value > high)
        return expected(fmt::format("a whole number from {} to {}", low, high));
    return *value;
}

Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t low, std::uint64_t high) {
    std::uint64_t factor = 1;
    for (const auto& unit : units)
        if (text.ends_with(unit.name)) {
            factor = unit.bytes;
            text.remove_suffix(unit.name.size());
            break;
        }
    while (text.ends_with(' ')) text.remove_suffix(1);
    const auto value = number(text);
    std::uint64_t bytes = 0;
    if (!value || __builtin_mul_overflow(*value, factor, &bytes) || bytes < low || bytes > high)
        return expected(
            fmt::format("a number of bytes from {} to {}, such as 1048576, \"512 KiB\" or \"2 GiB\"", low, high));
    return bytes;
}

Result<bool> parse_boolean(std::string_view text) {
    if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
    if (text == "false" || text == "no" || text == "off" || text == "0") return false;
    return expected("true or false");
}

Result<Endpoint> parse_endpoint(std::string_view text) {
    const auto wrong = [] {
        return expected("ADDRESS:PORT with a numeric address, such as 127.0.0.1:7878, 0.0.0.0:80 or [::1]:7878");
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong();
    std::string address{text.substr(0, colon)};
    const auto port = number(text.substr(colon + 1));
    if (!port || *port > 65535) return wrong();
    const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
    if (bracketed) address = address.substr(1, address.size() - 2);
    if (address == "localhost") address = "127.0.0.1";
    if (!is_numeric_address(address) || bracketed != (address.find(':') != std::string::npos)) return wrong();
    return Endpoint{std::move(address), static_cast<std::uint16_t>(*port)};
}

std::string Endpoint::text() const {
    return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                  : fmt::format("[{}]:{}", address, port);
}

namespace {

// The parts between commas, without the blanks around them; the last may be missing, not empty.
std::vector<std::string_view> parts_of(std::string_view text) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        auto part = text.substr(0, comma);
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        parts.push_back(part);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return parts;
}

} // namespace

Result<std::vector<std::string>> parse_devices(std::string_view text) {
    std::vector<std::string> devices;
    for (const auto name : parts_of(text)) {
        const bool cuda = name.starts_with("cuda:") && parse_integer(name.substr(5), 0, 63);
        if (name != "cpu" && name != "auto" && !cuda)
            return Error{Code::invalid_argument, "auto, or some of cpu, cuda:0, cuda:1 … separated by commas"};
        devices.emplace_back(name);
    }
    if (devices.empty() || devices.size() > 64 ||
        (devices.size() > 1 && std::find(devices.begin(), devices.end(), "auto") != devices.end()))
        return Error{Code::invalid_argument, "auto, or some of cpu, cuda:0, cuda:1 … separated by commas"};
    return devices;
}

Result<std::vector<IpNetwork>> parse_networks(std::string_view text) {
    const Error expected{Code::invalid_argument,
                         "addresses and networks, separated by commas: 127.0.0.1, 10.0.0.0/8, fd00::/8"};
    std::vector<IpNetwork> networks;
    for (const auto part : parts_of(text)) {
        const auto network = IpNetwork::parse(part);
        if (!network || networks.size() == 1000) return expected;
        networks.push_back(*network);
    }
    return networks;
}

} // namespace millrace::config
