// `millrace db`: the store, as the configuration names it, looked at or moved without a daemon.
#pragma once
#include "cli/service/store_tools.hpp"

namespace millrace::app {

// For the whole program.
const cli::StoreTools& store_tools();

} // namespace millrace::app
