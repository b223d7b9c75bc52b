// HTTP/1.1 with the daemon, over its admin socket or the network (cli/endpoint.hpp), one connection a call. Blocks;
// every wait has a limit.
#pragma once
#include "cli/body.hpp"
#include "cli/endpoint.hpp"

#include "base/json.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace millrace::cli {

struct Call {
    std::string method = "GET";
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string content_type = {};
    Body* body = nullptr;                         // borrowed
    std::function<void(std::uint64_t)> sent = {}; // bytes of the body so far
    std::function<void(std::span<const char>, std::optional<std::uint64_t> total)> received = {}; // else they are kept
    double patience = 0; // seconds that the daemon may take before it answers, beyond the timeout
};

struct Reply {
    unsigned status = 0;
    std::string body;         // empty when `received` took it
    json::value json() const; // Failure when it is none
};

class Client {
public:
    explicit Client(const Context& context); // connects with each call

    // Answers with 2xx are returned; any other throws Failure{failed} with the words of its problem document. Throws
    // Failure{unreachable} when nothing listens there, with what to do about it.
    Reply call(const Call& call) const;
    json::value get(const std::string& target) const { return call({.target = target}).json(); }
    Reply post_json(const std::string& target, const json::value& value) const;

private:
    Endpoint endpoint_;
    double timeout_;
};

// Percent-encodes one segment of a path or one value of a query.
std::string encoded(std::string_view text);

} // namespace millrace::cli
