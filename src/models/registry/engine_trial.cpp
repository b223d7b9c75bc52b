#include "models/registry/trial.hpp"

#include "base/descriptor.hpp"
#include "inference/archive_check.hpp"
#include "models/serving/no_runtime.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>

namespace millrace::models {
namespace {

// Files of the registry never shrink, so the mapping cannot be cut under the reader.
Result<inference::ArchiveKind> inspect_mapped(const std::filesystem::path& path) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0)
        return Error{Code::unavailable, "the model file was removed while it was being pushed; push it again"};
    const auto size = static_cast<std::size_t>(info.st_size);
    if (size == 0) return Error{Code::unprocessable, "the model file is empty"};
    void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (bytes == MAP_FAILED) return Error{Code::internal, "the model file cannot be mapped"};
    auto kind = inference::check_model_archive({static_cast<const std::byte*>(bytes), size});
    ::munmap(bytes, size);
    return kind;
}

class EngineTrial final : public Trial {
public:
    explicit EngineTrial(inference::Engine& engine) : engine_{engine} {}

    Result<inference::ArchiveKind> inspect(const std::filesystem::path& file) override { return inspect_mapped(file); }

    awaitable<Result<std::optional<TrialReport>>> run(std::shared_ptr<const inference::ModelVersion> version) override {
        auto report = co_await engine_.check(std::move(version));
        if (report)
            co_return TrialReport{engine_.status().runtime, report->load_ms,  report->warm_up_ms, report->memory_bytes,
                                  report->optimization,     report->note,     report->precision,  report->channels_last,
                                  report->threads,          report->instances};
        // Where there is none, models are tried when they are first used.
        if (no_runtime(engine_, report.error())) co_return std::optional<TrialReport>{};
        co_return report.error();
    }

    awaitable<Result<void>> warm(std::shared_ptr<const inference::ModelVersion> version) override {
        auto report = co_await engine_.load(std::move(version));
        if (report || no_runtime(engine_, report.error())) co_return success();
        co_return report.error();
    }

    bool loading(const std::string& sha256) const override {
        const auto models = engine_.models();
        return std::any_of(models.begin(), models.end(),
                           [&](const auto& each) { return each.version->sha256 == sha256 && each.state == "loading"; });
    }

    void forget(std::shared_ptr<const inference::ModelVersion> version) override { engine_.forget(std::move(version)); }

private:
    inference::Engine& engine_;
};

} // namespace

std::unique_ptr<Trial> engine_trial(inference::Engine& engine) { return std::make_unique<EngineTrial>(engine); }

} // namespace millrace::models
