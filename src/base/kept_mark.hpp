// What the text of a kept member begins with in a tree (base/json.hpp). For base/json*.cpp alone.
#pragma once
#include <string_view>

namespace millrace {

// Bytes of this process alone, the first and last of which are nowhere in UTF-8: neither a JSON text nor a stranger's
// bytes bring them.
std::string_view kept_mark();

} // namespace millrace
