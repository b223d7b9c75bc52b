// What the registry asks of inference: a port, so that the registry's own rules are tested without a runtime.
#pragma once
#include "async/awaitable.hpp"
#include "base/result.hpp"
#include "inference/prediction.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace millrace::inference {
class Engine;
}

namespace millrace::models {

enum class Tried { yes, no_runtime };

class Trial {
public:
    virtual ~Trial() = default;
    // Looks at the file without running anything of it. unprocessable when it is no model archive. Blocks.
    virtual Result<void> inspect(const std::filesystem::path& file) = 0;
    // Loads it and runs it once, apart from all other work. unprocessable, with the reason, when it does not load or
    // disagrees with its manifest.
    virtual awaitable<Result<Tried>> run(std::shared_ptr<const inference::ModelVersion> version) = 0;
    // The version is gone: forget what is loaded of it.
    virtual void forget(const std::string& sha256) = 0;
};

std::unique_ptr<Trial> engine_trial(inference::Engine& engine);

} // namespace millrace::models
