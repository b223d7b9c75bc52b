// A registry on a folder of its own, with a trial that says what the test wants to hear.
#pragma once
#include "events/feed.hpp"
#include "models/registry.hpp"

#include "telemetry/metrics.hpp"
#include "unit/async/run.hpp"
#include "unit/store/test_database.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace millrace::models {

// Says of each file what the test wants to hear.
class FakeTrial final : public Trial {
public:
    Result<inference::ArchiveKind> inspect(const std::filesystem::path& file) override {
        ++looks;
        if (!std::filesystem::exists(file)) return Error{Code::internal, "inspected a file that is not there"};
        return archive;
    }
    awaitable<Result<std::optional<TrialReport>>> run(std::shared_ptr<const inference::ModelVersion>) override {
        ++runs;
        co_return outcome;
    }
    awaitable<Result<void>> warm(std::shared_ptr<const inference::ModelVersion> version) override {
        warmed.push_back(version->name + "/" + version->version);
        co_return warmth;
    }
    bool loading(const std::string& sha256) const override { return sha256 == being_loaded; }
    void forget(std::shared_ptr<const inference::ModelVersion> version) override {
        forgotten.push_back(version->name + "/" + version->version);
    }

    Result<inference::ArchiveKind> archive = inference::ArchiveKind::torchscript;
    Result<std::optional<TrialReport>> outcome =
        std::optional{TrialReport{"libtorch 0", 12.5, 0.25, 4096, "frozen", "it would differ"}};
    int looks = 0, runs = 0;
    std::string being_loaded;
    Result<void> warmth = success();
    std::vector<std::string> forgotten, warmed; // "name/version"
};

inline std::string manifest(const std::string& name, const std::string& description = "for a test") {
    return R"({"format":1,"name":")" + name + R"(","description":")" + description + R"(","task":"tensor",
        "input":{"name":"x","kind":"tensor","datatype":"FP32","shape":[4]},
        "output":{"name":"y","datatype":"FP32","shape":[2]},
        "postprocess":{"kind":"raw"},"batching":{"max_batch":8,"max_delay_ms":1}})";
}

struct World {
    World() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-models-XXXXXX").string();
        data = ::mkdtemp(pattern.data());
        open();
    }
    ~World() {
        close();
        std::filesystem::remove_all(data);
    }
    void close() {
        registry.reset();
        files.reset();
        database.reset();
    }
    void open() {
        close();
        feed = std::make_unique<events::Feed>();
        auto opened =
            store::test::open_database({.data = data, .on_commit = feed->on_commit(), .on_failure = {}}, log, metrics);
        REQUIRE(opened.has_value());
        database = std::move(*opened);
        auto blobs = blobs::BlobStore::open({.folder = data / "models"}, pool, log, metrics);
        REQUIRE(blobs.has_value());
        files = std::move(*blobs);
        registry =
            std::make_unique<Registry>(*database, *feed, *files, trial, pool, SystemClock::instance(), log, trusted);
        REQUIRE(registry->load_blocking().has_value());
    }
    template <class T>
    T run(awaitable<T> work) {
        return async::test::run(std::move(work));
    }
    awaitable<Result<Pushed>> pushing(std::string name, std::string bytes, std::string text, Attached attached = {}) {
        auto upload = registry->begin_upload();
        auto written = co_await upload.write(std::as_bytes(std::span{bytes}));
        if (!written) co_return written.error();
        co_return co_await registry->push(admin, std::move(name), std::move(upload), std::move(text),
                                          std::move(attached));
    }
    Result<Pushed> push(std::string name, std::string bytes) {
        return run(pushing(name, std::move(bytes), manifest(name)));
    }
    std::size_t stored_files() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(data / "models"))
            count += entry.is_regular_file();
        return count;
    }
    Code resolve_error(std::string_view name, std::optional<std::string_view> version = {}) {
        const auto resolved = registry->resolve(org, name, version);
        REQUIRE_FALSE(resolved.has_value());
        return resolved.error().code;
    }

    std::filesystem::path data;
    telemetry::Log log{static_cast<telemetry::Level>(9), telemetry::LogFormat::logfmt};
    telemetry::Metrics metrics;
    async::ThreadPool pool{"files", 2, 64};
    FakeTrial trial;
    TrustedKeys trusted; // taken over by open()
    std::unique_ptr<events::Feed> feed;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<blobs::BlobStore> files;
    std::unique_ptr<Registry> registry;
    OrganizationId org = values::default_organization;
    values::Principal admin{values::default_organization, {}, "uid:0", values::Role::admin};
};

} // namespace millrace::models
