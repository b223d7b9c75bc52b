// What serving asks of inference: a port, so that its own rules are tested without a runtime.
#pragma once
#include "async/awaitable.hpp"
#include "base/result.hpp"
#include "inference/prediction.hpp"

#include <functional>
#include <memory>

namespace millrace::inference {
class Engine;
}

namespace millrace::models {

enum class Loaded { yes, no_runtime };

class Runner {
public:
    virtual ~Runner() = default;
    // When the coroutine is cancelled, so is the prediction.
    virtual awaitable<inference::Outcome> predict(inference::Request request) = 0;
    // Nobody waits for it. `done` is called once, on a thread of the engine's or of the runner's own, and returns
    // quickly.
    virtual void start(inference::Request request, std::function<void(inference::Outcome)> done) = 0;
    // Loads and warms a version where it is served. An error says why it cannot serve.
    virtual awaitable<Result<Loaded>> load(std::shared_ptr<const inference::ModelVersion> version) = 0;
    // Gives its memory back; a later prediction loads it again.
    virtual awaitable<void> unload(std::shared_ptr<const inference::ModelVersion> version) = 0;
};

std::unique_ptr<Runner> engine_runner(inference::Engine& engine); // borrowed

} // namespace millrace::models
