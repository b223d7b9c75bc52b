#include "models/serving/no_runtime.hpp"
#include "models/serving/runner.hpp"

namespace millrace::models {
namespace {

class EngineRunner final : public Runner {
public:
    explicit EngineRunner(inference::Engine& engine) : engine_{engine} {}

    awaitable<inference::Outcome> predict(inference::Request request) override {
        return engine_.predict(std::move(request));
    }

    void start(inference::Request request, std::function<void(inference::Outcome)> done) override {
        engine_.predict(std::move(request), std::move(done));
    }

    awaitable<Result<Loaded>> load(std::shared_ptr<const inference::ModelVersion> version) override {
        auto report = co_await engine_.load(std::move(version));
        if (report) co_return Loaded::yes;
        if (no_runtime(engine_, report.error())) co_return Loaded::no_runtime;
        co_return report.error();
    }

    awaitable<void> unload(std::shared_ptr<const inference::ModelVersion> version) override {
        // What could not be unloaded is gone with the worker, or makes room when there is need of it.
        co_await engine_.unload(std::move(version));
    }

private:
    inference::Engine& engine_;
};

} // namespace

std::unique_ptr<Runner> engine_runner(inference::Engine& engine) { return std::make_unique<EngineRunner>(engine); }

} // namespace millrace::models
