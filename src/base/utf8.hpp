// UTF-8 (RFC 3629).
#pragma once
#include <string_view>

namespace millrace {

// No overlong forms, no surrogates, nothing past U+10FFFF.
bool valid_utf8(std::string_view text);

} // namespace millrace
