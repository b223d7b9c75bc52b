#include "base/json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace {
namespace {

// Colons outside strings: the number of members of a text that is known to be valid JSON.
std::size_t count_colons(std::string_view text) {
    std::size_t count = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            else if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == ':') {
            ++count;
        }
    }
    return count;
}

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

Result<json::value> parse_json(std::string_view text) {
    boost::system::error_code failure;
    json::parser parser({}, json::parse_options{.max_depth = max_json_depth});
    const std::size_t used = parser.write_some(text.data(), text.size(), failure);
    if (failure) return Error{Code::invalid_argument, fmt::format("not acceptable JSON at byte {}: {}", used, failure.message())};
    const auto rest = text.substr(used);
    if (!std::all_of(rest.begin(), rest.end(), [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }))
        return Error{Code::invalid_argument, fmt::format("not acceptable JSON: something follows the value at byte {}", used)};
    json::value value = parser.release();
    if (count_members(value) != count_colons(text.substr(0, used)))
        return Error{Code::invalid_argument, "not acceptable JSON: an object has the same key twice"};
    return value;
}

const json::value* field(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && !value->is_null() ? value : nullptr;
}

Result<std::optional<std::string>> string_field(const json::object& object, std::string_view name, std::size_t max_length) {
    const auto* value = field(object, name);
    if (!value) return std::optional<std::string>{};
    const auto* text = value->if_string();
    if (!text || text->size() > max_length) return wrong(name, fmt::format("a string of at most {} bytes", max_length));
    return std::optional<std::string>{std::string{text->data(), text->size()}};
}

Result<std::optional<std::int64_t>> integer_field(const json::object& object, std::string_view name, std::int64_t low, std::int64_t high) {
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
        if (std::find(names.begin(), names.end(), std::string_view{member.key().data(), member.key().size()}) == names.end())
            return Error{Code::unprocessable, fmt::format("unknown field \"{}\"", std::string_view{member.key().data(), member.key().size()})};
    return success();
}

} // namespace millrace
