// What the registry asks of inference: a port, so that the registry's own rules are tested without a runtime.
#pragma once
#include "async/awaitable.hpp"
#include "base/result.hpp"
#include "inference/archive_check.hpp"
#include "inference/prediction.hpp"
#include "models/registry/trial_report.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace millrace::inference {
class Engine;
}

namespace millrace::models {

class Trial {
public:
    virtual ~Trial() = default;
    // Looks at the file without running anything of it. unprocessable when it is no model archive. Blocks.
    virtual Result<inference::ArchiveKind> inspect(const std::filesystem::path& file) = 0;
    // Loads it and runs it once, apart from all other work; nullopt where there is no runtime to try it with.
    // unprocessable, with the reason, when it does not load or disagrees with its manifest.
    virtual awaitable<Result<std::optional<TrialReport>>> run(
        std::shared_ptr<const inference::ModelVersion> version) = 0;
    // Loads a version that was tried before where it serves, or looks that it is there; nothing where there is no
    // runtime.
    virtual awaitable<Result<void>> warm(std::shared_ptr<const inference::ModelVersion> version) = 0;
    // Whether a model of this file is being loaded right now, where it serves.
    virtual bool loading(const std::string& sha256) const = 0;
    // The version is gone: what is loaded of it gives its memory back, some time after this has returned.
    virtual void forget(std::shared_ptr<const inference::ModelVersion> version) = 0;
};

std::unique_ptr<Trial> engine_trial(inference::Engine& engine);

} // namespace millrace::models
