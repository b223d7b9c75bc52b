// An engine with a real worker process, a real runtime and the small real models beside this file.
#pragma once
#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "inference/engine.hpp"
#include "inference/worker/image/image.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <future>
#include <thread>

using namespace millrace;
using namespace millrace::inference;
using namespace std::chrono_literals;

namespace millrace::inference::testing {

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

inline const std::filesystem::path models = std::filesystem::path{MILLRACE_SOURCE_DIR} / "tests/unit/inference/models";

inline std::shared_ptr<const ModelVersion> model_of(const std::string& file, const std::string& manifest) {
    auto parsed = values::Manifest::parse(manifest);
    REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().detail));
    ModelVersion version{OrganizationId{},
                         parsed->name,
                         "1",
                         hex(sha256(read_file(models / file))),
                         models / file,
                         std::make_shared<const values::Manifest>(*parsed)};
    return std::make_shared<const ModelVersion>(std::move(version));
}

inline std::shared_ptr<const ModelVersion> numbers(const std::string& limits = R"({"timeout_seconds":20})",
                                                   int max_batch = 8, const std::string& name = "numbers") {
    return model_of(
        "numbers.pt",
        R"({"format":1,"name":")" + name +
            R"(","task":"tensor","input":{"kind":"tensor","shape":[4]},"output":{"name":"double","shape":[4]},
        "batching":{"max_batch":)" +
            std::to_string(max_batch) + R"(,"max_delay_ms":0},"limits":)" + limits + "}");
}

inline std::shared_ptr<const ModelVersion> brightness() {
    return model_of("brightness.pt", R"({"format":1,"name":"brightness","task":"image_classification",
        "input":{"kind":"image","shape":[1,8,8],"color":"gray","resize":[8,8],"scale":0.00392156862745098},"output":{"shape":[10]},
        "labels":["0","1","2","3","4","5","6","7","8","9"],"postprocess":{"kind":"softmax_top_k","top_k":3},"batching":{"max_batch":16}})");
}

inline std::shared_ptr<const ModelVersion> planes() {
    return model_of(
        "planes.pt",
        R"({"format":1,"name":"planes","task":"pixel_classification","input":{"kind":"tensor","shape":[2,-1,-1]},
        "output":{"shape":[3,-1,-1]},"labels":["a","b","c"],"postprocess":{"kind":"argmax_map","colors":["#ff0000","#00ff00","#0000ff"]},"batching":{"max_batch":4}})");
}

inline Input json_input(const std::string& text) { return {"application/json", text, {}, 0}; }
inline Input first_value(double value) { return json_input("[" + std::to_string(value) + ",1,2,3]"); }

// An 8-bit gray-looking palette PNG whose pixels all have one value.
inline std::string flat_png(int side, std::uint32_t gray) {
    return worker::encode_indexed_png(side, side, std::vector<std::uint8_t>(static_cast<std::size_t>(side * side), 0),
                                      {gray << 16 | gray << 8 | gray});
}

// The test program is run once for each runtime module that was built, and once without any (the variable is empty).
inline std::filesystem::path chosen_runtime() {
    const char* named = std::getenv("MILLRACE_TEST_RUNTIME");
    return named ? std::filesystem::path{named} : find_runtime();
}

struct Fixture {
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, 2};
    telemetry::Metrics metrics;
    std::unique_ptr<Engine> engine;
    Engine::Ticket last_ticket = 0; // of the last send()

    explicit Fixture(EngineOptions options = {}) {
        options.threads = options.threads ? options.threads : 1;
        if (options.runtime.empty()) options.runtime = chosen_runtime();
        engine = std::make_unique<Engine>(std::move(options), log, metrics);
        engine->start();
    }
    std::future<Outcome> send(std::shared_ptr<const ModelVersion> model, Input input, bool alone = false,
                              Monotonic deadline = Monotonic::max()) {
        auto promise = std::make_shared<std::promise<Outcome>>();
        auto future = promise->get_future();
        last_ticket = engine->predict({std::move(model), std::move(input), 5, deadline, alone},
                                      [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
        return future;
    }
    std::future<Outcome> send(Request request) {
        auto promise = std::make_shared<std::promise<Outcome>>();
        auto future = promise->get_future();
        last_ticket =
            engine->predict(std::move(request), [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
        return future;
    }
    Outcome run(Request request) {
        auto future = send(std::move(request));
        REQUIRE(future.wait_for(60s) == std::future_status::ready);
        return future.get();
    }
    Result<CheckReport> load(std::shared_ptr<const ModelVersion> model) { return wait(engine->load(std::move(model))); }
    Result<void> unload(std::shared_ptr<const ModelVersion> model) { return wait(engine->unload(std::move(model))); }
    template <class T>
    static T wait(awaitable<T> work) {
        boost::asio::io_context context;
        auto future = boost::asio::co_spawn(context, std::move(work), boost::asio::use_future);
        context.run();
        return future.get();
    }
    Outcome run(std::shared_ptr<const ModelVersion> model, Input input) {
        auto future = send(std::move(model), std::move(input));
        REQUIRE(future.wait_for(60s) == std::future_status::ready);
        return future.get();
    }
    Result<CheckReport> check(std::shared_ptr<const ModelVersion> model) {
        auto promise = std::make_shared<std::promise<Result<CheckReport>>>();
        engine->check(std::move(model),
                      [promise](Result<CheckReport> report) { promise->set_value(std::move(report)); });
        return promise->get_future().get();
    }
    bool wait_for(const std::function<bool(const WorkerStatus&)>& condition, std::chrono::milliseconds limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!condition(engine->status())) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(5ms);
        }
        return true;
    }
};

inline std::string said(const Outcome& outcome) {
    return outcome ? json::serialize(outcome->result)
                   : std::string{word(outcome.error().reason)} + ": " + outcome.error().message;
}

inline bool has_runtime() {
    if (!chosen_runtime().empty()) return true;
    MESSAGE("skipped: no runtime module was built (install libtorch-dev or set MILLRACE_TORCH_DIRS)");
    return false;
}

} // namespace millrace::inference::testing
