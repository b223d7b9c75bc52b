#include "base/encoding.hpp"

#include <algorithm>
#include <array>

namespace millrace {
namespace {

constexpr std::string_view standard_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode64(std::span<const std::byte> bytes, std::string_view alphabet, bool padded) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < n ? std::to_integer<unsigned>(bytes[i + k]) : 0);
        for (std::size_t k = 0; k <= n; ++k) out += alphabet[group >> (18 - 6 * k) & 63];
        if (padded) out.append(3 - n, '=');
    }
    return out;
}

int value64(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

} // namespace

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string hex(std::span<const std::byte> bytes) {
    constexpr char digit[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (std::byte b : bytes) {
        out += digit[std::to_integer<int>(b) >> 4];
        out += digit[std::to_integer<int>(b) & 15];
    }
    return out;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::vector<std::byte> out(text.size() / 2);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out[i] = static_cast<std::byte>(high << 4 | low);
    }
    return out;
}

std::string base64(std::span<const std::byte> bytes) { return encode64(bytes, standard_alphabet, true); }
std::string base64url(std::span<const std::byte> bytes) { return encode64(bytes, url_alphabet, false); }

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
    std::size_t padding = 0;
    const std::size_t whole = text.size();
    for (; text.ends_with('='); ++padding) text.remove_suffix(1);
    if (padding > 0 && (padding > 2 || whole % 4 != 0)) return std::nullopt;
    if (text.size() % 4 == 1) return std::nullopt;
    std::vector<std::byte> out;
    out.reserve(text.size() * 3 / 4);
    unsigned group = 0;
    int bits = 0;
    for (char c : text) {
        const int v = value64(c);
        if (v < 0) return std::nullopt;
        group = group << 6 | static_cast<unsigned>(v);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out.push_back(static_cast<std::byte>(group >> bits & 0xff));
        }
    }
    // Bits that no byte holds must be zero, or two texts would stand for the same bytes.
    if ((group & ((1U << bits) - 1)) != 0) return std::nullopt;
    return out;
}

bool is_sha256_hex(std::string_view text) {
    return text.size() == 64 && std::all_of(text.begin(), text.end(),
                                            [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

} // namespace millrace
