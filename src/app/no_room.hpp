// Whether the machine has room for more work.
#pragma once
#include "config/config.hpp"

#include <string>

namespace millrace::app {

// Why no more work is taken, in words; empty: there is room. Asks the disk and the kernel. Any thread.
std::string no_room(const config::Config& config);

} // namespace millrace::app
