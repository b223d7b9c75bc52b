// Texts to typed values. An error's detail says what is expected, ready to follow the name of the key.
#pragma once
#include "config/config.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::config {

Result<std::uint64_t> parse_integer(std::string_view text, std::uint64_t low, std::uint64_t high);
// Bytes: 1048576, 512KiB, "2 GiB", 64MB (decimal).
Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t low, std::uint64_t high);
Result<bool> parse_boolean(std::string_view text);
// ADDRESS:PORT with a numeric address; IPv6 in brackets; "localhost" is 127.0.0.1.
Result<Endpoint> parse_endpoint(std::string_view text);
// "auto", or some of cpu, cuda:0, cuda:1 … separated by commas.
Result<std::vector<std::string>> parse_devices(std::string_view text);

// Addresses and networks, separated by commas.
Result<std::vector<IpNetwork>> parse_networks(std::string_view text);

} // namespace millrace::config
