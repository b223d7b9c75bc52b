// JSON as it is sent: numbers as people write them. boost::json writes every fractional number with an exponent (2.5E-1, 1E1), which
// is JSON, and which spreadsheets, shells and eyes stumble over. What leaves the daemon is written here.
#pragma once
#include "base/json.hpp"

#include <string>

namespace millrace {

// The shortest digits that read back as the same number: without an exponent from a ten-millionth to 10^21, as ECMAScript does it.
// One that is not finite has no form in JSON and becomes null: whoever may have such numbers refuses them before.
void append_number(std::string& out, double value);
void append_number(std::string& out, float value);

std::string json_text(const json::value& value);
std::string json_text(const json::object& object); // without a copy of it

} // namespace millrace
