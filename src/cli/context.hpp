// What every command of the command line shares. One thread.
#pragma once
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <stdexcept>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace millrace::cli {

struct StoreTools; // cli/service/store_tools.hpp

enum Exit : int { done = 0, failed = 1, usage = 2, unreachable = 3, interrupted = 130 };

// The one exception of this room: a command ends with this code and this message. Caught in run().
struct Failure : std::runtime_error {
    Exit exit;
    unsigned status; // of HTTP, where it came from there; else 0
    Failure(Exit e, const std::string& message, unsigned http_status = 0)
        : std::runtime_error{message},
          exit{e},
          status{http_status} {}
};

struct Context {
    Context(std::ostream& output, std::ostream& errors) : out{output}, err{errors} {}

    std::ostream& out;                 // what was asked for
    std::ostream& err;                 // everything else
    std::string data, socket;          // --data, --socket; empty when not given
    std::string url, key, name;        // --url, --key, --context, likewise
    bool json = false;                 // --json
    double timeout = 30;               // --timeout: seconds without a byte from the daemon
    std::size_t width = 0;             // of the terminal on `out`; 0: none, nothing is cut
    bool colour = false;               // on `out`
    std::vector<std::string> columns;  // --columns
    bool progress = false;             // standard error is a terminal
    std::istream* answers = nullptr;   // where a person types; null: nobody is there to be asked
    const StoreTools* store = nullptr; // of the program; null: it has none
    std::function<int()> action;       // set by the parse, run after it
};

// --data and --socket where given, else MILLRACE_SOCKET, MILLRACE_DATA or the file, else the user's own daemon where
// there is one, else the packaged one.
std::filesystem::path admin_socket(const Context& context);

// `text` on `out` as it came when --json was given: one line for programs.
void print_raw(Context& context, const std::string& text);

} // namespace millrace::cli
