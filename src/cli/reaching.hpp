// From an endpoint to a connected socket.
#pragma once
#include "base/descriptor.hpp"
#include "cli/endpoint.hpp"

namespace millrace::cli {

// Throws Failure{unreachable} with what to do about it. Over the network the socket does not block. `timeout`: seconds,
// for each address of the host.
Descriptor reach(const Endpoint& endpoint, double timeout);

} // namespace millrace::cli
