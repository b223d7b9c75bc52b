#include "cli/endpoint.hpp"

#include "cli/contexts.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

#include <cstdlib>

namespace millrace::cli {
namespace {

constexpr std::uint16_t http_port = 7878, https_port = 443; // 7878 is where `serve` listens unless told otherwise

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

Endpoint with_key(Endpoint endpoint, const Context& context, const std::string& otherwise) {
    const auto from_environment = variable("MILLRACE_KEY");
    endpoint.key = !context.key.empty() ? context.key : !from_environment.empty() ? from_environment : otherwise;
    if (endpoint.key.empty())
        throw Failure{usage, fmt::format("{} wants a key: --key KEY, MILLRACE_KEY, or one kept with "
                                         "`millrace context add`",
                                         endpoint.text())};
    for (const char c : endpoint.key)
        if (c <= ' ' || c > '~') throw Failure{usage, "the key has characters that no key has"};
    return endpoint;
}

} // namespace

std::string Endpoint::authority() const {
    const bool v6 = host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

std::string Endpoint::text() const {
    return is_remote() ? fmt::format("{}://{}{}", tls ? "https" : "http", authority(), base) : socket.string();
}

Endpoint at_url(std::string_view text) {
    const auto url = boost::urls::parse_uri({text.data(), text.size()});
    const auto refuse = [text](const char* why) {
        return Failure{usage, fmt::format("\"{}\" is no URL of a daemon: {}; for example https://queue.example.org",
                                          text.substr(0, 200), why)};
    };
    if (!url || (url->scheme() != "http" && url->scheme() != "https"))
        throw refuse("it begins with http:// or https://");
    if (url->host().empty()) throw refuse("it names no host");
    if (url->has_userinfo() || url->has_query() || url->has_fragment())
        throw refuse("it has a host, a port and a path, and nothing else");
    Endpoint endpoint;
    endpoint.tls = url->scheme() == "https";
    endpoint.host = url->host_address();
    endpoint.port = url->has_port() ? url->port_number() : endpoint.tls ? https_port : http_port;
    // port_number() takes a number that is too large for the remainder that fits.
    if (endpoint.port == 0 || (url->has_port() && std::to_string(endpoint.port) != std::string_view{url->port()}))
        throw refuse("its port is none");
    endpoint.base = std::string{url->encoded_path()};
    while (endpoint.base.ends_with('/')) endpoint.base.pop_back();
    return endpoint;
}

Endpoint endpoint_of(const Context& context) {
    if (!context.url.empty()) {
        if (!context.data.empty() || !context.socket.empty())
            throw Failure{usage, "--url is a daemon elsewhere; --data and --socket are one on this machine"};
        return with_key(at_url(context.url), context, {});
    }
    if (!context.name.empty() && context.name != this_machine) {
        const auto contexts = read_contexts();
        const auto* named = contexts.find(context.name);
        if (!named)
            throw Failure{usage, fmt::format("there is no context \"{}\"; see millrace context list", context.name)};
        return with_key(at_url(named->url), context, named->key);
    }
    if (context.data.empty() && context.socket.empty() && context.name.empty()) {
        if (const auto url = variable("MILLRACE_URL"); !url.empty()) return with_key(at_url(url), context, {});
        if (const auto kept = read_contexts().current()) return with_key(at_url(kept->url), context, kept->key);
    }
    if (!context.key.empty()) throw Failure{usage, "--key goes with --url: the socket of this machine wants none"};
    Endpoint endpoint;
    endpoint.socket = admin_socket(context);
    return endpoint;
}

} // namespace millrace::cli
