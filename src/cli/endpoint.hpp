// Where the daemon of a command is: its admin socket on this machine, or a URL and a key.
#pragma once
#include "cli/context.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace millrace::cli {

struct Endpoint {
    std::filesystem::path socket; // of this machine, when `host` is empty
    std::string host;
    std::uint16_t port = 0;
    bool tls = false;
    std::string base; // in front of every path: /millrace, or empty
    std::string key;  // empty over the socket, which knows who asks

    bool is_remote() const { return !host.empty(); }
    std::string authority() const; // host:port, as a URL and the field Host have it
    std::string text() const;      // for messages
};

// Of these the first that says something:
//   --url; --context; --data and --socket; MILLRACE_URL; the context in use (cli/contexts.hpp); what admin_socket()
//   finds.
// The key is --key, MILLRACE_KEY or that of the context. Throws Failure{usage}.
Endpoint endpoint_of(const Context& context);

// http://HOST[:PORT][/PATH] or https://…; the port is 7878 or 443 unless given. Throws Failure{usage}.
Endpoint at_url(std::string_view url);

} // namespace millrace::cli
