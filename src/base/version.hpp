#pragma once
#include <string_view>

namespace millrace {

std::string_view version(); // of this build: 0.1.0

} // namespace millrace
