#include "app/print_routes.hpp"
#include "app/serve.hpp"
#include "app/store_tools.hpp"
#include "cli/cli.hpp"
#include "inference/worker/run.hpp"
#include "processors/exec/guard.hpp"

#include <string_view>

int main(int argc, char** argv) {
    // The inference worker: started by the daemon with a socket as its only connection, never by hand.
    if (argc > 1 && std::string_view{argv[1]} == "worker") return millrace::inference::worker::run(argc, argv);
    // Between the daemon and a command of an exec job; likewise.
    if (argc > 1 && std::string_view{argv[1]} == "exec-guard") return millrace::processors::run_guard(argc, argv);
    // For the contract test: what the router answers.
    if (argc == 2 && std::string_view{argv[1]} == "routes") return millrace::app::print_routes();
    return millrace::cli::run(argc, argv, millrace::app::serve, millrace::app::store_tools());
}
