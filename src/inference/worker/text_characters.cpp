#include "inference/worker/text_characters.hpp"

namespace millrace::inference::worker {
namespace {

bool within(char32_t c, char32_t low, char32_t high) { return c >= low && c <= high; }

// The letters from U+00C0 to U+017F without their accents; '.' where a letter has none or is of two.
constexpr std::string_view plain_latin =
    "AAAAAA.CEEEEIIII.NOOOOO..UUUUY..aaaaaa.ceeeeiiii.nooooo..uuuuy.y"  // 00C0
    "AaAaAaCcCcCcCcDd..EeEeEeEeEeGgGgGgGgHh..IiIiIiIiI...JjKk.LlLlLl."  // 0100
    "...NnNnNn...OoOoOo..RrRrRrSsSsSsSsTtTt..UuUuUuUuUuUuWwYyYZzZzZz."; // 0140
static_assert(plain_latin.size() == 0xc0);

} // namespace

std::optional<std::u32string> from_utf8(std::string_view text) {
    std::u32string characters;
    characters.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i]);
        const std::size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
        if (length == 0 || length > text.size() - i) return std::nullopt;
        char32_t c = length == 1 ? first : first & (0x7fu >> length);
        for (std::size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xc0) != 0x80) return std::nullopt;
            c = c << 6 | (next & 0x3fu);
        }
        if ((length == 3 && c < 0x800) || (length == 4 && c < 0x10000) || within(c, 0xd800, 0xdfff) || c > 0x10ffff)
            return std::nullopt;
        characters.push_back(c);
        i += length;
    }
    return characters;
}

void append_utf8(std::string& text, char32_t c) {
    const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (c >> shift & 0x3f)); };
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else if (c < 0x800) {
        text += static_cast<char>(0xc0 | c >> 6);
        tail(0);
    } else if (c < 0x10000) {
        text += static_cast<char>(0xe0 | c >> 12);
        tail(6);
        tail(0);
    } else {
        text += static_cast<char>(0xf0 | c >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

bool is_space(char32_t c) {
    return c == ' ' || within(c, '\t', '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 || within(c, 0x2000, 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_control(char32_t c) {
    return (c < 0x20 && !is_space(c)) || within(c, 0x7f, 0x84) || within(c, 0x86, 0x9f) || c == 0xad ||
           within(c, 0x200b, 0x200f) || within(c, 0x202a, 0x202e) || within(c, 0x2060, 0x206f) || c == 0xfeff ||
           c == 0xfffd;
}

bool is_punctuation(char32_t c) {
    if (c < 0x80) return within(c, '!', '/') || within(c, ':', '@') || within(c, '[', '`') || within(c, '{', '~');
    if (within(c, 0xa1, 0xbf)) return c != 0xaa && c != 0xb5 && c != 0xba && c != 0xad; // ª µ º are letters
    return c == 0xd7 || c == 0xf7 || c == 0x37e || c == 0x387 || within(c, 0x55a, 0x55f) || within(c, 0x2010, 0x2027) ||
           within(c, 0x2030, 0x205e) || within(c, 0x20a0, 0x20cf) || within(c, 0x2190, 0x2bff) ||
           within(c, 0x3001, 0x3004) || within(c, 0x3008, 0x3020) || c == 0x3030 || c == 0x30fb ||
           within(c, 0xfe10, 0xfe1f) || within(c, 0xfe30, 0xfe6f) || within(c, 0xff01, 0xff0f) ||
           within(c, 0xff1a, 0xff20) || within(c, 0xff3b, 0xff40) || within(c, 0xff5b, 0xff65) ||
           within(c, 0x1f000, 0x1faff);
}

bool is_ideograph(char32_t c) {
    return within(c, 0x4e00, 0x9fff) || within(c, 0x3400, 0x4dbf) || within(c, 0x20000, 0x2ceaf) ||
           within(c, 0xf900, 0xfaff) || within(c, 0x2f800, 0x2fa1f);
}

bool is_combining(char32_t c) { return within(c, 0x300, 0x36f) || within(c, 0x1ab0, 0x1aff) || within(c, 0x20d0, 0x20ff); }

char32_t lower(char32_t c) {
    if (c < 0x80) return within(c, 'A', 'Z') ? c + 32 : c;
    if (within(c, 0xc0, 0xde)) return c == 0xd7 ? c : c + 32;
    if (c == 0x130) return 'i';
    if (c == 0x178) return 0xff;
    if (within(c, 0x139, 0x148) || within(c, 0x179, 0x17e)) return c % 2 == 1 ? c + 1 : c;
    if (within(c, 0x100, 0x137) || within(c, 0x14a, 0x177)) return c % 2 == 0 ? c + 1 : c;
    if (within(c, 0x391, 0x3a9) && c != 0x3a2) return c + 32;
    if (c == 0x386) return 0x3ac;
    if (within(c, 0x388, 0x38a)) return c + 37;
    if (c == 0x38c) return 0x3cc;
    if (c == 0x38e || c == 0x38f) return c + 63;
    if (within(c, 0x400, 0x40f)) return c + 80;
    if (within(c, 0x410, 0x42f)) return c + 32;
    return c;
}

char32_t without_accent(char32_t c) {
    if (!within(c, 0xc0, 0x17f)) return c;
    const char plain = plain_latin[c - 0xc0];
    return plain == '.' ? c : static_cast<char32_t>(plain);
}

} // namespace millrace::inference::worker
