// Characters that a terminal obeys instead of showing them: controls, and Unicode's format characters, of which some
// turn the direction of what follows (U+202E) and others are not seen at all. A name or a message of a stranger reaches
// no terminal with them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

// Whether the character is one of those, by Unicode's general categories (Cc, Cf, Zl, Zp). The two joiners are none:
// scripts need them.
bool is_unseen(char32_t character);

// JSON with \uXXXX for each of them. In well-formed JSON they stand in strings only, so that it stays the same value.
std::string seen_json(std::string_view json);

// The character that well-formed UTF-8 begins with, and its length; length 0 where it begins with none.
struct Character {
    char32_t value = 0;
    std::size_t length = 0;
};
Character first_character(std::string_view text);

} // namespace millrace
