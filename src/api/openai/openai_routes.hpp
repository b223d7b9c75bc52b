// /v1: models that give embeddings, in OpenAI's wire form, so that its clients work with a Millrace key. docs/openai.md
#pragma once
#include "async/thread_pool.hpp"
#include "http/router.hpp"
#include "models/registry.hpp"
#include "models/serving.hpp"

namespace millrace::api {

// Borrows all for the life of the router. `pool` is where much text is read and written. The answers' errors have that
// API's form once openai::speak_openai has seen them.
void add_openai_routes(http::Router& router, models::Registry& registry, models::Serving& serving,
                       async::ThreadPool& pool);

} // namespace millrace::api
