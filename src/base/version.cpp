#include "base/version.hpp"

namespace millrace {

std::string_view version() { return MILLRACE_VERSION; } // defined for this file alone: a new version rebuilds one file

} // namespace millrace
