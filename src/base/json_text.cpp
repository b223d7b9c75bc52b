#include "base/json_text.hpp"

#include "base/utf8.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace millrace {
namespace {

template <class T>
void append_floating(std::string& out, T value) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    const auto size = std::abs(value);
    const bool plain = size == 0 || (size >= T(1e-7) && size < T(1e21));
    std::array<char, 64> text{};
    const auto form = plain ? std::chars_format::fixed : std::chars_format::scientific;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, form).ptr;
    out.append(text.data(), end);
}

void append(std::string& out, const json::value& value);

void append_string(std::string& out, std::string_view text) {
    out += '"';
    append_escaped(out, text);
    out += '"';
}

void append(std::string& out, const json::object& object) {
    char before = '{';
    for (const auto& member : object) {
        out += std::exchange(before, ',');
        append_string(out, member.key());
        out += ':';
        append(out, member.value());
    }
    out += object.empty() ? "{}" : "}";
}

void append(std::string& out, const json::value& value) {
    if (const auto* object = value.if_object()) {
        append(out, *object);
    } else if (const auto* array = value.if_array()) {
        char before = '[';
        for (const auto& each : *array) {
            out += std::exchange(before, ',');
            append(out, each);
        }
        out += array->empty() ? "[]" : "]";
    } else if (const auto* number = value.if_double()) {
        append_floating(out, *number);
    } else if (const auto* string = value.if_string()) {
        if (const auto kept = kept_text(value)) out += *kept;
        else append_string(out, *string);
    } else {
        out += json::serialize(value); // an integer or a word
    }
}

} // namespace

void append_escaped(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::size_t written = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto c = static_cast<unsigned char>(text[at]);
        const auto length = c < 0x80 ? std::size_t{1} : utf8_sequence(text.substr(at));
        if (length > 0 && c >= 0x20 && c != '"' && c != '\\') {
            at += length;
            continue;
        }
        out.append(text, written, at - written);
        written = ++at;
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default: c < 0x20 ? ((out += "\\u00") += digits[c >> 4]) += digits[c & 15] : out += replacement_character;
        }
    }
    out.append(text, written);
}

void append_number(std::string& out, double value) { append_floating(out, value); }
void append_number(std::string& out, float value) { append_floating(out, value); }

std::string json_text(const json::value& value) {
    std::string out;
    append(out, value);
    return out;
}

std::string json_text(const json::object& object) {
    std::string out;
    append(out, object);
    return out;
}

} // namespace millrace
