// JSON as the daemon takes it from strangers: bounded depth, no duplicate keys, no trailing text, UTF-8 without lone
// surrogates, no number past the range of a double (RFC 8259 read strictly; I-JSON, RFC 7493). Values are boost::json;
// doubles are the nearest to their text, which boost's own parser does not promise.
//
// What is only passed on is not made a value: a tree holds integers up to 64 bits and doubles, and neither 2^64 nor 1.0
// comes out of one as it went in. A payload, a result, a tensor is a *kept* member: its text, checked and without
// blanks.
#pragma once
#include "base/result.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

namespace json = boost::json;

inline constexpr std::size_t max_json_depth = 32;

// The member `name` of an object that stands, alone or in lists, as the member `parent` of another; "": of the document
// itself.
struct KeptMember {
    std::string_view parent, name;
};

// invalid_argument with the position and reason in `detail` when `text` is not acceptable JSON. The members of `kept`
// are there as kept_text() finds them.
Result<json::value> parse_json(std::string_view text, std::span<const KeptMember> kept = {});
// The same value as text, without blanks: what parse_json accepts, and no tree.
Result<std::string> compact_json(std::string_view text);
// That text with another in place of each object that is {"name":VALUE} and nothing else: the JSON that `replace` gives
// for VALUE's text.
using ReplaceObject = std::function<Result<std::string>(std::string_view value)>;
Result<std::string> replace_objects(std::string_view text, std::string_view name, const ReplaceObject& replace);

// The text of a kept member; nullopt: it is an ordinary value. In the tree it is a string that no JSON text can bring
// (its first byte is no UTF-8), so that a stranger's string is never taken for one; json_text() writes it as it is.
std::optional<std::string_view> kept_text(const json::value& value);
json::value keep_text(std::string_view text); // of JSON that is known to be well-formed

// The members of all its objects: fewer than the text had keys when one came twice.
std::size_t count_members(const json::value& value);

// Typed members of an object. `field` returns nullptr when the member is absent or null.
const json::value* field(const json::object& object, std::string_view name);
// unprocessable when the member is there and not of the type; nullopt when it is absent or null.
Result<std::optional<std::string>> string_field(const json::object& object, std::string_view name,
                                                std::size_t max_length = 1024);
Result<std::optional<std::int64_t>> integer_field(const json::object& object, std::string_view name, std::int64_t low,
                                                  std::int64_t high);
Result<std::optional<double>> number_field(const json::object& object, std::string_view name, double low, double high);
Result<std::optional<bool>> boolean_field(const json::object& object, std::string_view name);
// unprocessable when `object` has a member that is not in `names`: a misspelt option is an error, not a default.
Result<void> only_fields(const json::object& object, std::initializer_list<std::string_view> names);

} // namespace millrace
