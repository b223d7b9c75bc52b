#include "values/manifest_reader.hpp"

#include "base/encoding.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace millrace::values {

void Part::refuse_text(std::string text) {
    if (problem_) return;
    problem_ = Error{Code::unprocessable, fmt::format("manifest: {}{}{}", name_, name_.empty() ? "" : ": ", text)};
}

template <class T>
std::optional<T> Part::keep(Result<std::optional<T>> result) {
    if (result) return *std::move(result);
    refuse_text(result.error().detail);
    return std::nullopt;
}

void Part::only(std::initializer_list<std::string_view> members) {
    if (auto known = only_fields(object_, members); !known) refuse_text(known.error().detail);
}

void Part::none_of(std::initializer_list<std::string_view> members, std::string_view belongs_to) {
    for (const auto member : members)
        if (has(member)) refuse("\"{}\" belongs to {}", member, belongs_to);
}

std::optional<std::string> Part::text(std::string_view member, std::size_t longest) {
    return keep(string_field(object_, member, longest));
}

std::optional<std::int64_t> Part::integer(std::string_view member, std::int64_t low, std::int64_t high) {
    return keep(integer_field(object_, member, low, high));
}

std::optional<double> Part::number(std::string_view member, double low, double high) {
    return keep(number_field(object_, member, low, high));
}

std::optional<bool> Part::truth(std::string_view member) { return keep(boolean_field(object_, member)); }

std::optional<std::uint32_t> color_in(const json::value& value) {
    const auto* text = value.if_string();
    if (!text || text->size() != 7 || (*text)[0] != '#') return std::nullopt;
    const auto bytes = from_hex(std::string_view{text->data() + 1, 6});
    if (!bytes) return std::nullopt;
    std::uint32_t color = 0;
    for (const auto byte : *bytes) color = color << 8 | std::to_integer<std::uint32_t>(byte);
    return color;
}

std::optional<std::uint32_t> Part::color(std::string_view member) {
    const auto* text = value(member);
    if (!text) return std::nullopt;
    const auto color = color_in(*text);
    if (!color) refuse("\"{}\" must be a colour such as \"#1f77b4\"", member);
    return color;
}

std::vector<double> Part::numbers(std::string_view member) {
    std::vector<double> list;
    const auto* array = value(member);
    if (!array) return list;
    if (!array->is_array()) return refuse("\"{}\" must be an array of numbers", member), list;
    for (const auto& element : array->get_array()) {
        boost::system::error_code failure;
        const double number = element.to_number<double>(failure);
        if (!element.is_number() || failure || !(std::abs(number) <= 1e30)) {
            refuse("\"{}\" must be an array of finite numbers", member);
            break;
        }
        list.push_back(number);
    }
    return list;
}

std::vector<std::int64_t> Part::integers(std::string_view member, std::int64_t low, std::int64_t high,
                                         std::size_t most) {
    std::vector<std::int64_t> list;
    const auto* array = value(member);
    if (!array) return list;
    const auto complain = [&] {
        refuse("\"{}\" must be an array of at most {} integers from {} to {}", member, most, low, high);
        return std::vector<std::int64_t>{};
    };
    if (!array->is_array() || array->get_array().size() > most) return complain();
    for (const auto& element : array->get_array()) {
        boost::system::error_code failure;
        const auto number = element.to_number<std::int64_t>(failure);
        if (!element.is_number() || failure || number < low || number > high) return complain();
        list.push_back(number);
    }
    return list;
}

std::vector<std::string> Part::words(std::string_view member, std::size_t most, std::size_t longest) {
    std::vector<std::string> list;
    const auto* array = value(member);
    if (!array) return list;
    if (!array->is_array() || array->get_array().size() > most)
        return refuse("\"{}\" must be an array of at most {} strings", member, most), list;
    std::set<std::string_view> seen;
    for (const auto& element : array->get_array()) {
        if (!element.is_string() || element.get_string().empty() || element.get_string().size() > longest)
            return refuse("\"{}\" must be strings of 1 to {} bytes", member, longest), list;
        const std::string_view word{element.get_string().data(), element.get_string().size()};
        if (!seen.insert(word).second) return refuse("\"{}\" has \"{}\" twice", member, word), list;
        list.emplace_back(word);
    }
    return list;
}

std::optional<Part> Part::part(std::string_view member) {
    const auto* object = value(member);
    if (!object) return std::nullopt;
    if (!object->is_object()) {
        refuse("\"{}\" must be an object", member);
        return std::nullopt;
    }
    return inside(object->get_object(), name_.empty() ? std::string{member} : fmt::format("{}: {}", name_, member));
}

std::optional<std::size_t> Part::choice_place(std::string_view member, std::span<const std::string_view> names) {
    const auto* text = value(member);
    if (text && text->is_string()) {
        const auto found = std::find(names.begin(), names.end(),
                                     std::string_view{text->get_string().data(), text->get_string().size()});
        if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    }
    refuse("\"{}\" must be one of {}", member, fmt::join(names, ", "));
    return std::nullopt;
}

} // namespace millrace::values
