// What the values of options stand for. Each throws Failure{usage} that names the option.
#pragma once
#include "base/json.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace millrace::cli {

// JSON as it stands, @FILE, or - for standard input.
json::value json_value(const std::string& text, std::string_view option);

// The same, to be sent as it stands: a payload, a flow (base/json.hpp, kept).
json::value kept_value(const std::string& text, std::string_view option);

// RFC 3339 as it stands, or from now on: 90s, 30m, 2h, 7d.
std::string moment_value(const std::string& text, std::string_view option);

// The name of a back-off (fixed), its seconds (1,5,30), JSON or @FILE.
json::value retry_value(const std::string& text, std::string_view option);

std::pair<std::string, std::string> pair_value(const std::string& text, std::string_view option,
                                               std::string_view form); // at the first =

} // namespace millrace::cli
