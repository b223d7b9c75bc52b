#include "base/unseen.hpp"

#include "base/utf8.hpp"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace millrace {

namespace {

void append_pair(std::string& out, char32_t value) { // of surrogates
    fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xd7c0U + static_cast<unsigned>(value >> 10),
                   0xdc00U + static_cast<unsigned>(value & 0x3ff));
}

} // namespace

Character first_character(std::string_view text) {
    const auto length = utf8_sequence(text);
    if (length == 0) return {};
    auto value = static_cast<char32_t>(static_cast<unsigned char>(text[0]));
    if (length > 1) value &= 0x7fU >> length; // the bits of the lead byte
    for (std::size_t i = 1; i < length; ++i) value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
    return {value, length};
}

bool is_unseen(char32_t character) {
    constexpr char32_t non_joiner = 0x200c, joiner = 0x200d;
    if (character == non_joiner || character == joiner) return false;
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(character))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return true;
    default: return false;
    }
}

std::string seen_json(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    while (!json.empty()) {
        const auto [value, length] = first_character(json);
        const bool layout = value == '\n' || value == '\t' || value == '\r'; // between the values
        if (length == 0) out += replacement_character;
        else if (layout || !is_unseen(value)) out += json.substr(0, length);
        else if (value < 0x10000) fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(value));
        else append_pair(out, value);
        json.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

} // namespace millrace
