// The test of If-None-Match (RFC 9110, section 13.1.2). Pure.
#pragma once
#include <string_view>

namespace millrace::api {

// True when the header names `etag` (with its quotes), alone or in a list, weak or not, or is `*`: answer 304.
bool etag_matches(std::string_view if_none_match, std::string_view etag);

} // namespace millrace::api
