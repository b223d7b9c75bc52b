// The life of `millrace serve`: open, start, signals, drain.
#pragma once
#include "config/config.hpp"

namespace millrace::app {

// Runs until SIGTERM or SIGINT; a second one ends the process at once. SIGHUP reads the configuration again. Returns
// the exit code: 0 after a clean stop, 1 when it could not start or the store failed under it.
int serve(config::Loaded loaded);

} // namespace millrace::app
