#include "models/registry.hpp"

#include "store/sqlite.hpp"
#include "telemetry/metrics.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <filesystem>

using namespace millrace;
using namespace millrace::models;

namespace {

// Says of each file what the test wants to hear.
class FakeTrial final : public Trial {
public:
    Result<void> inspect(const std::filesystem::path& file) override {
        if (!std::filesystem::exists(file)) return Error{Code::internal, "inspected a file that is not there"};
        return archive;
    }
    awaitable<Result<Tried>> run(std::shared_ptr<const inference::ModelVersion>) override {
        ++runs;
        co_return outcome;
    }
    void forget(const std::string& sha256) override { forgotten.push_back(sha256); }

    Result<void> archive;
    Result<Tried> outcome = Tried::yes;
    int runs = 0;
    std::vector<std::string> forgotten;
};

std::string manifest(const std::string& name, const std::string& description = "for a test") {
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
        auto opened = store::open_sqlite({.data = data, .on_failure = {}}, log, metrics);
        REQUIRE(opened.has_value());
        database = std::move(*opened);
        auto blobs = blobs::BlobStore::open({.folder = data / "models"}, pool, log, metrics);
        REQUIRE(blobs.has_value());
        files = std::move(*blobs);
        registry = std::make_unique<Registry>(*database, *files, trial, pool, SystemClock::instance(), log);
        REQUIRE(registry->load_blocking().has_value());
    }
    template <class T>
    T run(awaitable<T> work) {
        asio::io_context context;
        auto future = asio::co_spawn(context, std::move(work), asio::use_future);
        context.run();
        return future.get();
    }
    awaitable<Result<Pushed>> pushing(std::string name, std::string bytes, std::string text) {
        auto upload = registry->begin_upload();
        auto written = co_await upload.write(std::as_bytes(std::span{bytes}));
        if (!written) co_return written.error();
        co_return co_await registry->push(admin, std::move(name), std::move(upload), std::move(text));
    }
    Result<Pushed> push(std::string name, std::string bytes) { return run(pushing(name, std::move(bytes), manifest(name))); }
    std::size_t stored_files() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(data / "models")) count += entry.is_regular_file();
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
    std::unique_ptr<store::Database> database;
    std::unique_ptr<blobs::BlobStore> files;
    std::unique_ptr<Registry> registry;
    OrganizationId org = model::default_organization;
    model::Principal admin{model::default_organization, {}, "uid:0", model::Role::admin};
};

} // namespace

TEST_CASE("the first version becomes the production version, and later ones do not") {
    World world;
    CHECK(world.resolve_error("digits") == Code::not_found);
    const auto first = world.push("digits", "one");
    REQUIRE(first.has_value());
    CHECK(first->created);
    CHECK(first->version.number == 1);
    const auto second = world.push("digits", "two");
    REQUIRE(second.has_value());
    CHECK(second->version.number == 2);
    for (int round = 0; round < 2; ++round) {
        const auto production = world.registry->resolve(world.org, "digits");
        REQUIRE(production.has_value());
        CHECK((*production)->version == "1");
        CHECK((*production)->sha256 == first->version.sha256);
        CHECK(std::filesystem::exists((*production)->file));
        CHECK((*world.registry->resolve(world.org, "digits", "2"))->sha256 == second->version.sha256);
        CHECK(world.resolve_error("digits", "3") == Code::not_found);
        CHECK(world.resolve_error("digits", "two") == Code::not_found);
        world.open(); // and the same after a restart
    }
}

TEST_CASE("the same file with the same manifest is the version that exists") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    const auto again = world.push("digits", "one");
    REQUIRE(again.has_value());
    CHECK_FALSE(again->created);
    CHECK(again->version.number == 1);
    const auto described = world.run(world.pushing("digits", "one", manifest("digits", "described better")));
    REQUIRE(described.has_value());
    CHECK(described->created);
    CHECK(described->version.number == 2);
    CHECK(world.stored_files() == 1);
}

TEST_CASE("a file that is no model is refused and not kept") {
    World world;
    world.trial.archive = Error{Code::unprocessable, "no archive"};
    CHECK(world.push("digits", "junk").error().code == Code::unprocessable);
    CHECK(world.trial.runs == 0); // nothing of it was run
    CHECK(world.stored_files() == 0);
    CHECK(world.registry->list(world.org).empty());
}

TEST_CASE("a model that disagrees with its manifest is refused with the reason and not kept") {
    World world;
    world.trial.outcome = Error{Code::unprocessable, "the output has 3 values, the manifest says 2"};
    const auto refused = world.push("digits", "one");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().detail.find("the manifest says 2") != std::string::npos);
    CHECK(world.stored_files() == 0);
}

TEST_CASE("a refused push takes no file away from a version that uses it") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    world.trial.outcome = Error{Code::unprocessable, "no"};
    CHECK_FALSE(world.push("numbers", "one").has_value());
    CHECK(world.stored_files() == 1);
}

TEST_CASE("a machine without a runtime keeps the model untried") {
    World world;
    world.trial.outcome = Tried::no_runtime;
    CHECK(world.push("digits", "one").has_value());
}

TEST_CASE("a wrong name or manifest is refused") {
    World world;
    CHECK(world.push("Digits", "one").error().code == Code::unprocessable);
    CHECK(world.push("a/../b", "one").error().code == Code::unprocessable);
    const auto other = world.run(world.pushing("digits", "one", manifest("letters")));
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().detail.find("letters") != std::string::npos);
    CHECK(world.run(world.pushing("digits", "one", "{")).error().code == Code::invalid_argument);
    CHECK(world.run(world.pushing("digits", "one", "{}")).error().code == Code::unprocessable);
    CHECK(world.stored_files() == 0);
}

TEST_CASE("the production version goes last, and a number is never given twice") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    REQUIRE(world.push("digits", "two").has_value());
    const auto remove = [&](const char* version) { return world.run(world.registry->remove(world.admin, "digits", version)); };
    CHECK(remove("1").error().code == Code::conflict);
    CHECK(remove("3").error().code == Code::not_found);
    CHECK(remove("2").has_value());
    CHECK(world.trial.forgotten.size() == 1);
    CHECK(world.stored_files() == 1);
    CHECK(remove("1").has_value());
    CHECK(world.stored_files() == 0);
    CHECK(world.resolve_error("digits") == Code::not_found);
    world.open();
    CHECK(world.registry->list(world.org).empty());
    const auto next = world.push("digits", "three");
    REQUIRE(next.has_value());
    CHECK(next->version.number == 3);
    CHECK((*world.registry->resolve(world.org, "digits"))->version == "3");
}

TEST_CASE("a version whose file is lost is shown as failed, and pushing it again heals it") {
    World world;
    const auto pushed = world.push("digits", "one");
    REQUIRE(pushed.has_value());
    std::filesystem::remove(world.files->path_of(pushed->version.sha256));
    world.open();
    CHECK(world.resolve_error("digits") == Code::unavailable);
    const auto shown = world.registry->find(world.org, "digits");
    REQUIRE(shown.has_value());
    CHECK(to_json(**shown, true).at("versions").at(0).at("state").as_string() == "failed");
    REQUIRE(world.push("digits", "one").has_value());
    CHECK(world.registry->resolve(world.org, "digits").has_value());
}

TEST_CASE("models of another organisation are not found") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    const OrganizationId other = OrganizationId::make();
    CHECK(world.registry->list(other).empty());
    CHECK(world.registry->find(other, "digits").error().code == Code::not_found);
    CHECK(world.registry->resolve(other, "digits").error().code == Code::not_found);
}

TEST_CASE("a shown model tells what the API promises") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    const auto shown = to_json(**world.registry->find(world.org, "digits"), true);
    CHECK(shown.at("name").as_string() == "digits");
    CHECK(shown.at("production").as_string() == "1");
    const auto& version = shown.at("versions").at(0);
    CHECK(version.at("version").as_string() == "1");
    CHECK(version.at("state").as_string() == "ready");
    CHECK(version.at("size").to_number<int>() == 3);
    CHECK(version.at("sha256").as_string().size() == 64);
    CHECK(version.at("task").as_string() == "tensor");
    CHECK(version.at("description").as_string() == "for a test");
    CHECK(version.at("input").is_object());
    CHECK(version.at("manifest").at("format").to_number<int>() == 1);
}
