#include "inference/worker/tokenizer/characters.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace millrace::inference::worker {
namespace {

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }
bool within(char32_t c, char32_t low, char32_t high) { return c >= low && c <= high; }
bool between(utf8proc_category_t c, utf8proc_category_t low, utf8proc_category_t high) { return c >= low && c <= high; }

utf8proc_option_t options_of(NormalForm form) {
    int options = UTF8PROC_STABLE;
    options |= form == NormalForm::nfc || form == NormalForm::nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
    if (form == NormalForm::nfkc || form == NormalForm::nfkd) options |= UTF8PROC_COMPAT;
    return static_cast<utf8proc_option_t>(options);
}

void append_form(std::string& text, std::string_view run, utf8proc_option_t options) {
    std::vector<utf8proc_int32_t> buffer(run.size() + 16);
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(run.data());
    const auto size = static_cast<utf8proc_ssize_t>(run.size());
    auto count = utf8proc_decompose(bytes, size, buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()), options);
    if (count > static_cast<utf8proc_ssize_t>(buffer.size())) {
        buffer.resize(static_cast<std::size_t>(count));
        count = utf8proc_decompose(bytes, size, buffer.data(), count, options);
    }
    if (count >= 0) count = utf8proc_normalize_utf32(buffer.data(), count, options);
    if (count < 0) throw std::runtime_error{utf8proc_errmsg(count)};
    for (utf8proc_ssize_t i = 0; i < count; ++i)
        append_utf8(text, static_cast<char32_t>(buffer[static_cast<std::size_t>(i)]));
}

} // namespace

void append_utf8(std::string& text, char32_t c) {
    if (c < 0x80) {
        text += static_cast<char>(c);
        return;
    }
    utf8proc_uint8_t bytes[4];
    const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
    text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::size_t without_spaces_behind(std::string_view text) {
    auto end = text.size();
    while (end > 0) {
        auto start = end - 1;
        while ((text[start] & 0xc0) == 0x80) --start;
        const char* at = text.data() + start;
        if (!is_space(next_character(at))) break;
        end = start;
    }
    return end;
}

bool is_space(char32_t c) {
    if (c < 0x80) return c == ' ' || within(c, '\t', '\r');
    return c == 0x85 || between(category(c), UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZP);
}

bool is_other(char32_t c) {
    const auto of = category(c);
    return of == UTF8PROC_CATEGORY_CC || of == UTF8PROC_CATEGORY_CF || of == UTF8PROC_CATEGORY_CO;
}

bool is_punctuation(char32_t c) {
    if (c < 0x80) return within(c, '!', '/') || within(c, ':', '@') || within(c, '[', '`') || within(c, '{', '~');
    return between(category(c), UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO);
}

bool is_symbol(char32_t c) { return between(category(c), UTF8PROC_CATEGORY_SM, UTF8PROC_CATEGORY_SO); }
bool is_number(char32_t c) { return between(category(c), UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO); }
bool is_mark(char32_t c) { return between(category(c), UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME); }
bool is_nonspacing(char32_t c) { return category(c) == UTF8PROC_CATEGORY_MN; }

bool is_word(char32_t c) {
    const auto of = category(c);
    return between(of, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_NL) || of == UTF8PROC_CATEGORY_PC ||
           within(c, 0x200c, 0x200d) || within(c, 0x24b6, 0x24e9) || within(c, 0x1f130, 0x1f149) ||
           within(c, 0x1f150, 0x1f169) || // Other_Alphabetic of So
           within(c, 0x1f170, 0x1f189);
}

// Blocks, as BERT's own tokenization has them: this is no property of Unicode's.
bool is_ideograph(char32_t c) {
    return within(c, 0x4e00, 0x9fff) || within(c, 0x3400, 0x4dbf) || within(c, 0x20000, 0x2a6df) ||
           within(c, 0x2a700, 0x2b73f) || within(c, 0x2b740, 0x2b81f) || within(c, 0x2b920, 0x2ceaf) ||
           within(c, 0xf900, 0xfaff) || within(c, 0x2f800, 0x2fa1f);
}

void append_lower(std::string& text, char32_t c) {
    if (c < 0x80) {
        text += static_cast<char>(within(c, 'A', 'Z') ? c + 32 : c);
    } else if (c == 0x130) { // the one character whose lower case is two, whatever stands around it
        text += "i\xcc\x87";
    } else {
        append_utf8(text, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
}

std::string normal_form(std::string_view text, NormalForm form) {
    const auto options = options_of(form);
    std::string result;
    result.reserve(text.size());
    if (form == NormalForm::nfc || form == NormalForm::nfkc) {
        if (is_ascii(text)) result = text;
        else append_form(result, text, options);
        return result;
    }
    for (std::size_t i = 0; i < text.size();) { // ASCII is what it is, and ends what is reordered
        auto end = i;
        while (end < text.size() && static_cast<unsigned char>(text[end]) < 0x80) ++end;
        result += text.substr(i, end - i);
        for (i = end; end < text.size() && static_cast<unsigned char>(text[end]) >= 0x80;) ++end;
        if (end > i) append_form(result, text.substr(i, end - i), options);
        i = end;
    }
    return result;
}

bool grapheme_break(char32_t before, char32_t after, std::int32_t& state) {
    return utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before), static_cast<utf8proc_int32_t>(after),
                                            &state);
}

} // namespace millrace::inference::worker
