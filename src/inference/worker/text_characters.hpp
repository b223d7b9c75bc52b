// Characters of texts: from UTF-8 and back, their classes, and simple changes of case. Pure. The classes cover what
// tokenizers ask for; case and accents those of the Latin, Greek and Cyrillic scripts.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace millrace::inference::worker {

// nullopt for what is no UTF-8 (RFC 3629: no surrogates, no longer form than needed).
std::optional<std::u32string> from_utf8(std::string_view text);
void append_utf8(std::string& text, char32_t character);

bool is_space(char32_t c);
bool is_control(char32_t c);      // without those that are spaces
bool is_punctuation(char32_t c);  // symbols included
bool is_ideograph(char32_t c);    // each a word of its own
bool is_combining(char32_t c);    // an accent on the character before
inline bool is_letter_or_digit(char32_t c) { return !is_space(c) && !is_control(c) && !is_punctuation(c); }

char32_t lower(char32_t c);
char32_t without_accent(char32_t c); // of Latin letters: é is e

} // namespace millrace::inference::worker
