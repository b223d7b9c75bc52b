// Traffic and the comparison of versions as the command line shows them.
#pragma once
#include "base/json.hpp"
#include "cli/context.hpp"

#include <string>

namespace millrace::cli {

// "production 3, candidate 4 with 10%, shadow 5, fallback small/1"
std::string traffic_text(const json::value& traffic);
void print_traffic(Context& context, const std::string& model, const json::value& traffic);
void print_comparison(Context& context, const json::value& comparison);

} // namespace millrace::cli
