#include "api/models/model_parts.hpp"

namespace millrace::api {

awaitable<Result<void>> load_parts(const models::Registry& registry, inference::Engine& engine,
                                   RunnableVersion version) {
    const auto parts = registry.parts(version);
    if (!parts) co_return parts.error();
    for (const auto& part : *parts)
        if (const auto report = co_await engine.load(part); !report) co_return report.error();
    co_return success();
}

awaitable<Result<void>> unload_parts(const models::Registry& registry, inference::Engine& engine,
                                     RunnableVersion version) {
    const auto parts = registry.parts(version);
    if (!parts) co_return parts.error();
    for (const auto& part : *parts)
        if (auto unloaded = co_await engine.unload(part); !unloaded) co_return unloaded.error();
    co_return success();
}

} // namespace millrace::api
