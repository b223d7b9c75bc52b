// The request target, taken apart and decoded. Pure.
#pragma once
#include "http/fields.hpp"
#include "http/framing.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace millrace::http {

// Origin form, absolute form when its authority is the Host field's, and `*` (left as the path "*").
// Refused: bad percent-encoding, encoded slashes and control characters, `.` and `..` segments however written,
// bytes that are not UTF-8.
std::optional<Refusal> parse_target(std::string_view target, std::string_view host, const Limits& limits,
                                    std::string& path, Query& query);

} // namespace millrace::http
