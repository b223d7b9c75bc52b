// Text forms of bytes.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

int hex_value(char c);                                                 // of a hex digit, either case; -1 for any other
std::string hex(std::span<const std::byte> bytes);                     // lower case
std::optional<std::vector<std::byte>> from_hex(std::string_view text); // either case, even length
std::string base64(std::span<const std::byte> bytes);                  // RFC 4648 section 4, padded
std::string base64url(std::span<const std::byte> bytes);               // RFC 4648 section 5, not padded
std::optional<std::vector<std::byte>> from_base64(
    std::string_view text);                // either alphabet; no padding or the right one
bool is_sha256_hex(std::string_view text); // 64 lower-case hex digits

} // namespace millrace
