// JSON as it is sent: numbers as people write them. boost::json writes every fractional number with an exponent
// (2.5E-1, 1E1), which is JSON, and which spreadsheets, shells and eyes stumble over. What leaves the daemon as JSON,
// and what it keeps, is written here: json::serialize is left for what nobody sees: manifests, whose digests have to
// stay as they are, and answers in the cache, whose doubles have to stay doubles (1E0).
#pragma once
#include "base/json.hpp"

#include <string>

namespace millrace {

// The shortest digits that read back as the same number: without an exponent from a ten-millionth to 10^21, as
// ECMAScript does it. One that is not finite has no form in JSON and becomes null: whoever may have such numbers
// refuses them before.
void append_number(std::string& out, double value);
void append_number(std::string& out, float value);

// The text of a JSON string, without its quotation marks. Bytes that are no UTF-8 become U+FFFD: no text that is
// written here breaks its reader.
void append_escaped(std::string& out, std::string_view text);

// Kept members (base/json.hpp) as they came.
std::string json_text(const json::value& value);
std::string json_text(const json::object& object); // without a copy of it

} // namespace millrace
