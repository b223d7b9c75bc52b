// Characters of texts: UTF-8, classes, lower case and Unicode's normal forms. The tables are utf8proc's. Pure. All take
// text that is UTF-8 (base/utf8.hpp says whether it is).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::inference::worker {

void append_utf8(std::string& text, char32_t character);

// Reads the character at `at` and moves behind it.
inline char32_t next_character(const char*& at) {
    const auto byte = [&](int i) { return static_cast<unsigned char>(at[i]); };
    const auto tail = [&](int i) { return static_cast<char32_t>(byte(i) & 0x3f); };
    const char32_t first = byte(0);
    if (first < 0x80) return at += 1, first;
    if (first < 0xe0) return at += 2, (first & 0x1f) << 6 | tail(-1);
    if (first < 0xf0) return at += 3, (first & 0x0f) << 12 | tail(-2) << 6 | tail(-1);
    return at += 4, (first & 0x07) << 18 | tail(-3) << 12 | tail(-2) << 6 | tail(-1);
}

inline bool is_ascii(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) >= 0x80) return false;
    return true;
}

std::size_t count_characters(std::string_view text);
std::size_t without_spaces_behind(std::string_view text); // its length without them

bool is_space(char32_t c);       // White_Space
bool is_other(char32_t c);       // Cc, Cf, Co: controls, formats, private use
bool is_punctuation(char32_t c); // P*, and every printable ASCII character that is no letter, digit or space
bool is_symbol(char32_t c);      // S*
bool is_number(char32_t c);      // N*
bool is_mark(char32_t c);        // M*
bool is_nonspacing(char32_t c);  // Mn: an accent on the character before
bool is_word(char32_t c);        // letters, marks, digits, connectors: \w of Unicode's UTS 18
bool is_ideograph(char32_t c);   // those that BERT makes words of their own

void append_lower(std::string& text, char32_t c); // the full mapping: U+0130 gives two characters

enum class NormalForm { nfc, nfd, nfkc, nfkd };
std::string normal_form(std::string_view text, NormalForm form);

// Calls `use(begin, end)` for each extended grapheme cluster (UAX 29).
template <class Use>
void each_grapheme(std::string_view text, Use use);
bool grapheme_break(char32_t before, char32_t after, std::int32_t& state); // for each_grapheme

template <class Use>
void each_grapheme(std::string_view text, Use use) {
    const char *at = text.data(), *const end = at + text.size(), *begin = at;
    std::int32_t state = 0;
    char32_t before = 0;
    while (at < end) {
        const char* start = at;
        const auto c = next_character(at);
        if (start > begin && grapheme_break(before, c, state)) {
            use(begin, start);
            begin = start;
        }
        before = c;
    }
    if (begin < end) use(begin, end);
}

} // namespace millrace::inference::worker
