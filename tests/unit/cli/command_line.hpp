// The command line as a user types it, with what it printed and its exit code.
#pragma once
#include "base/json.hpp"
#include "cli/commands.hpp"
#include "config/config.hpp"
#include "unit/cli/fake_daemon.hpp"

#include <sstream>
#include <string>
#include <vector>

namespace millrace::cli::test {

struct Outcome {
    int code;
    std::string out, err;
};

// `width` of the terminal, 0 for none; `answers` is what the person at it types, null when nobody is there.
inline Outcome command(
    std::vector<std::string> arguments, std::size_t width = 0, Serve serve = [](config::Loaded) { return 0; },
    std::istream* answers = nullptr) {
    std::ostringstream out, err;
    Context context{out, err};
    context.width = width;
    context.answers = answers;
    std::vector<const char*> argv{"millrace"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    const int code = run_in(context, static_cast<int>(argv.size()), argv.data(), std::move(serve));
    return {code, out.str(), err.str()};
}

inline Outcome ask(FakeDaemon& daemon, std::vector<std::string> arguments, std::size_t width = 0,
                   std::istream* answers = nullptr) {
    arguments.insert(arguments.end(), {"--socket", daemon.socket()});
    return command(
        std::move(arguments), width, [](config::Loaded) { return 0; }, answers);
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
inline json::value body_of(const std::string& request) {
    return json::parse(request.substr(request.find("\r\n\r\n") + 4));
}
inline std::string first_line(const std::string& request) { return request.substr(0, request.find(" HTTP/")); }

} // namespace millrace::cli::test
