// The command line: parses it, and either hands a configuration to `serve` or talks to a running daemon over its
// admin socket. Exit codes: 0 done, 1 failed or found something, 2 usage or configuration, 3 no daemon reached.
#pragma once
#include <functional>

namespace millrace::config {
struct Loaded; // config/config.hpp, which every change of a setting changes
}

namespace millrace::cli {

using Serve = std::function<int(config::Loaded)>; // runs the daemon until it stops; its exit code

struct StoreTools; // cli/service/store_tools.hpp

// Called once, from main, on the main thread. Never throws.
int run(int argc, char** argv, Serve serve, const StoreTools& store);

} // namespace millrace::cli
