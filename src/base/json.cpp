#include "base/json.hpp"

#include "base/kept_mark.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace millrace {
namespace {

Error wrong(std::string_view name, std::string_view expected) {
    return {Code::unprocessable, fmt::format("\"{}\" must be {}", name, expected)};
}

} // namespace

std::size_t count_members(const json::value& value) {
    std::size_t count = 0;
    if (const auto* object = value.if_object()) {
        count += object->size();
        for (const auto& member : *object) count += count_members(member.value());
    } else if (const auto* array = value.if_array()) {
        for (const auto& element : *array) count += count_members(element);
    }
    return count;
}

std::string_view kept_mark() {
    static const std::string mark = [] {
        std::random_device source;
        std::string bytes = "\xff";
        for (int i = 0; i < 8; ++i) bytes += static_cast<char>(source());
        return bytes + '\xff';
    }();
    return mark;
}

std::optional<std::string_view> kept_text(const json::value& value) {
    const auto* text = value.if_string();
    if (!text || text->empty() || text->front() != kept_mark().front() || !text->starts_with(kept_mark()))
        return std::nullopt;
    return std::string_view{*text}.substr(kept_mark().size());
}

json::value keep_text(std::string_view text) {
    json::string out;
    out.reserve(kept_mark().size() + text.size());
    out.append(kept_mark());
    out.append(text);
    return out;
}

const json::value* field(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && !value->is_null() && kept_text(*value) != "null" ? value : nullptr;
}

Result<std::optional<std::string>> string_field(const json::object& object, std::string_view name,
                                                std::size_t max_length) {
    const auto* value = field(object, name);
    if (!value) return std::optional<std::string>{};
    const auto* text = value->if_string();
    if (!text || text->size() > max_length) return wrong(name, fmt::format("a string of at most {} bytes", max_length));
    return std::optional<std::string>{std::string{text->data(), text->size()}};
}

Result<std::optional<std::int64_t>> integer_field(const json::object& object, std::string_view name, std::int64_t low,
                                                  std::int64_t high) {
    const auto* value = field(object, name);
    if (!value) return std::optional<std::int64_t>{};
    boost::system::error_code failure;
    const auto number = value->to_number<std::int64_t>(failure);
    if (!value->is_number() || failure || number < low || number > high)
        return wrong(name, fmt::format("an integer from {} to {}", low, high));
    return std::optional<std::int64_t>{number};
}

Result<std::optional<double>> number_field(const json::object& object, std::string_view name, double low, double high) {
    const auto* value = field(object, name);
    if (!value) return std::optional<double>{};
    boost::system::error_code failure;
    const auto number = value->to_number<double>(failure);
    if (!value->is_number() || failure || !(number >= low && number <= high))
        return wrong(name, fmt::format("a number from {} to {}", low, high));
    return std::optional<double>{number};
}

Result<std::optional<bool>> boolean_field(const json::object& object, std::string_view name) {
    const auto* value = field(object, name);
    if (!value) return std::optional<bool>{};
    if (!value->is_bool()) return wrong(name, "true or false");
    return std::optional<bool>{value->as_bool()};
}

Result<void> only_fields(const json::object& object, std::initializer_list<std::string_view> names) {
    for (const auto& member : object)
        if (std::find(names.begin(), names.end(), std::string_view{member.key().data(), member.key().size()}) ==
            names.end())
            return Error{Code::unprocessable, fmt::format("unknown field \"{}\"",
                                                          std::string_view{member.key().data(), member.key().size()})};
    return success();
}

} // namespace millrace
