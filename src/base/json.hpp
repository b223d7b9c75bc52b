// JSON as the daemon takes it from strangers: bounded depth, no duplicate keys, no trailing text (RFC 8259 read
// strictly; I-JSON, RFC 7493, for the keys). Values are boost::json.
#pragma once
#include "base/result.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

namespace json = boost::json;

inline constexpr std::size_t max_json_depth = 32;

// invalid_argument with the position and reason in `detail` when `text` is not acceptable JSON.
Result<json::value> parse_json(std::string_view text);
// The members of all its objects: fewer than the text had keys when one came twice.
std::size_t count_members(const json::value& value);

// Typed members of an object. `field` returns nullptr when the member is absent or null.
const json::value* field(const json::object& object, std::string_view name);
// unprocessable when the member is there and not of the type; nullopt when it is absent or null.
Result<std::optional<std::string>> string_field(const json::object& object, std::string_view name, std::size_t max_length = 1024);
Result<std::optional<std::int64_t>> integer_field(const json::object& object, std::string_view name, std::int64_t low, std::int64_t high);
Result<std::optional<double>> number_field(const json::object& object, std::string_view name, double low, double high);
Result<std::optional<bool>> boolean_field(const json::object& object, std::string_view name);
// unprocessable when `object` has a member that is not in `names`: a misspelt option is an error, not a default.
Result<void> only_fields(const json::object& object, std::initializer_list<std::string_view> names);

} // namespace millrace
