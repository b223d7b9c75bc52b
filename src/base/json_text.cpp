#include "base/json_text.hpp"

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
    std::array<char, 64> text;
    const auto form = plain ? std::chars_format::fixed : std::chars_format::scientific;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, form).ptr;
    out.append(text.data(), end);
}

void append(std::string& out, const json::value& value);

void append(std::string& out, const json::object& object) {
    char before = '{';
    for (const auto& member : object) {
        out += std::exchange(before, ',');
        out += json::serialize(member.key());
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
    } else {
        out += json::serialize(value);
    }
}

} // namespace

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
