// What the engine runs for a version, loaded and unloaded one after the other: the version itself, or the steps of a
// chain.
#pragma once
#include "async/awaitable.hpp"
#include "inference/engine.hpp"
#include "models/registry.hpp"

namespace millrace::api {

using RunnableVersion = std::shared_ptr<const inference::ModelVersion>;

// The first error ends it: of Registry::parts(), or of the engine.
awaitable<Result<void>> load_parts(const models::Registry& registry, inference::Engine& engine,
                                   RunnableVersion version);
awaitable<Result<void>> unload_parts(const models::Registry& registry, inference::Engine& engine,
                                     RunnableVersion version);

} // namespace millrace::api
