// /v2: the Open Inference Protocol, version 2, as Triton's clients speak it.
#pragma once
#include "async/thread_pool.hpp"
#include "http/router.hpp"
#include "inference/engine.hpp"
#include "models/registry.hpp"
#include "models/serving.hpp"

#include <functional>

namespace millrace::api {

struct ProtocolServices {
    models::Registry& registry;
    models::Serving& serving;
    inference::Engine& engine;
    async::ThreadPool& pool;     // where large bodies are read, written and packed
    std::function<bool()> ready; // the server as a whole. Thread-safe
};

// Borrows what `services` names for the life of the router. The answers' errors have the protocol's form once
// protocol::speak_protocol has seen them.
void add_protocol_routes(http::Router& router, ProtocolServices services);

} // namespace millrace::api
