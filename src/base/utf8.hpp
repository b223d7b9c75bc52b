// UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF. The only such reader here: whoever needs
// one asks it.
//
// Text from outside is looked at where it comes in: what is no UTF-8 is refused with a problem, where somebody waits
// for an answer, and repaired, where nobody does (a command's output, a library's message).
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace millrace {

inline constexpr std::string_view replacement_character = "\xef\xbf\xbd"; // U+FFFD

// The length of the sequence that `text` begins with; 0 when it begins with none.
std::size_t utf8_sequence(std::string_view text);
bool valid_utf8(std::string_view text);
// With U+FFFD in the place of each byte that belongs to no sequence.
std::string repaired_utf8(std::string_view text);
// As much of the beginning as fits into `most` bytes without breaking a character.
std::string_view utf8_prefix(std::string_view text, std::size_t most);

} // namespace millrace
