// Models in the worker's memory: loaded when needed or asked for, unloaded, evicted for others; several workers.
#include "unit/inference/engine_fixture.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::inference;
using namespace millrace::inference::testing;

namespace {

std::string state_of(const Engine& engine, const std::shared_ptr<const ModelVersion>& model) {
    for (const auto& each : engine.models())
        if (each.version->name == model->name && each.version->version == model->version) return each.state;
    return "unknown";
}

std::shared_ptr<const ModelVersion> numbered(int number) {
    auto version = *numbers();
    version.version = std::to_string(number);
    return std::make_shared<const ModelVersion>(std::move(version));
}

} // namespace

TEST_CASE("a model is loaded when it is asked for, and answered at once when it is there") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = numbers();
    const auto report = f.load(model);
    REQUIRE_MESSAGE(report.has_value(), report.error().detail);
    CHECK(state_of(*f.engine, model) == "ready");
    CHECK(report->memory_bytes > 0);
    const auto again = f.load(model);
    REQUIRE(again.has_value());
    CHECK(again->load_ms == report->load_ms); // it was not loaded a second time
}

TEST_CASE("an unloaded model is gone from the worker, and comes back with the next prediction") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = numbers();
    REQUIRE(f.load(model).has_value());
    REQUIRE(f.unload(model).has_value());
    CHECK(state_of(*f.engine, model) == "absent");
    CHECK(f.unload(model).has_value()); // what is not there is unloaded already
    const auto outcome = f.run(model, json_input("[1,2,3,4]"));
    CHECK_MESSAGE(outcome.has_value(), said(outcome));
    CHECK(state_of(*f.engine, model) == "ready");
}

TEST_CASE("unloading waits for the predictions that were sent before") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = numbers();
    std::vector<std::future<Outcome>> futures;
    for (int i = 0; i < 50; ++i) futures.push_back(f.send(model, json_input("[1,2,3,4]")));
    CHECK(f.unload(model).has_value());
    for (auto& future : futures) CHECK(future.get().has_value());
}

TEST_CASE("a model that cannot be loaded says why to the one who asked for it") {
    if (!has_runtime()) return;
    Fixture f;
    auto wrong = *numbers();
    wrong.sha256 = std::string(64, '0');
    const auto report = f.load(std::make_shared<const ModelVersion>(wrong));
    REQUIRE_FALSE(report.has_value());
    CHECK(report.error().detail.find("digest") != std::string::npos);
}

TEST_CASE("within the memory of models the one that was used the longest time ago makes room") {
    if (!has_runtime()) return;
    // What one of them takes is measured, so that the budget holds two and not three.
    std::uint64_t one = 0;
    {
        Fixture probe;
        REQUIRE(probe.load(numbered(1)).has_value());
        one = probe.engine->models().front().report.memory_bytes;
    }
    EngineOptions options;
    options.model_memory = std::max<std::uint64_t>(one, 1 << 20) * 5 / 2;
    Fixture f{options};
    for (int round = 0; round < 2; ++round)
        for (int number = 1; number <= 4; ++number) {
            const auto outcome = f.run(numbered(number), json_input("[1,2,3,4]"));
            REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
            const auto status = f.engine->status();
            CHECK(status.devices.front().model_bytes <= options.model_memory);
        }
    CHECK(state_of(*f.engine, numbered(4)) == "ready");
    CHECK(f.engine->status().restarts == 0);
}

TEST_CASE("models that are all wanted at the same time take turns in a memory that is too small for them") {
    if (!has_runtime()) return;
    EngineOptions options;
    options.model_memory = 3 << 20;
    Fixture f{options};
    std::vector<std::future<Outcome>> futures;
    for (int i = 0; i < 40; ++i) futures.push_back(f.send(numbered(1 + i % 4), json_input("[1,2,3,4]")));
    for (auto& future : futures) {
        REQUIRE(future.wait_for(60s) == std::future_status::ready);
        const auto outcome = future.get();
        CHECK_MESSAGE(outcome.has_value(), said(outcome));
    }
}

TEST_CASE("a model that is larger than the memory of all is refused with both figures") {
    if (!has_runtime()) return;
    EngineOptions options;
    options.model_memory = 1000;
    Fixture f{options};
    const auto outcome = f.run(numbers(), json_input("[1,2,3,4]"));
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().message.find("inference.model_memory_bytes") != std::string::npos);
}

TEST_CASE("two workers share the predictions, and the death of one is no failure of what runs in the other") {
    if (!has_runtime()) return;
    EngineOptions options;
    options.devices = {"cpu", "cpu"};
    options.threads = 2;
    Fixture f{options};
    REQUIRE(f.wait_for(
        [](const WorkerStatus& s) {
            return s.devices.size() == 2 && s.devices[0].state == "ready" && s.devices[1].state == "ready";
        },
        30s));
    REQUIRE(f.load(numbers()).has_value());
    for (const auto& each : f.engine->models()) CHECK(each.devices.size() == 2);
    const auto before = f.engine->status();
    std::vector<std::future<Outcome>> futures;
    for (int i = 0; i < 100; ++i) futures.push_back(f.send(numbers(), json_input("[1,2,3,4]")));
    ::kill(before.devices[0].pid, SIGKILL);
    int answered = 0;
    for (auto& future : futures) answered += future.get().has_value();
    CHECK(answered >= 80); // at most what was in flight in the one is lost, and may be tried again
    // All may be answered before the death is seen; alone with a dead worker a request is blamed for it.
    REQUIRE(f.wait_for(
        [&](const WorkerStatus& s) {
            return s.devices[0].pid != before.devices[0].pid || s.devices[0].state != "ready";
        },
        30s));
    const auto later = f.run(numbers(), json_input("[1,2,3,4]"));
    CHECK_MESSAGE(later.has_value(), said(later));
}

TEST_CASE("a device that is not there is fallen back from, to the processor") {
    if (!has_runtime()) return;
    EngineOptions options;
    options.devices = {"cuda:0", "cpu"};
    options.first_backoff = 1ms;
    options.longest_backoff = 5ms;
    Fixture f{options};
    const auto outcome = f.run(numbers(), json_input("[1,2,3,4]"));
    REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
    CHECK(f.engine->status().device == "cpu");
    CHECK(f.engine->status().state == "ready");
}

TEST_CASE("what each version did is counted in rows, passes and times") {
    if (!has_runtime()) return;
    Fixture f;
    for (int i = 0; i < 3; ++i) REQUIRE(f.run(numbers(), json_input("[1,2,3,4]")).has_value());
    CHECK_FALSE(f.run(numbers(), json_input("[901,2,3,4]")).has_value());
    f.engine->count_cache(numbers(), true, 5us);
    const auto statistics = f.engine->statistics();
    REQUIRE(statistics.size() == 1);
    const auto& of = statistics.front();
    CHECK(of.inference_count == 3);
    CHECK(of.execution_count == 3);
    CHECK(of.success.count == 3);
    CHECK(of.fail.count == 1);
    CHECK(of.compute_infer.ns > 0);
    CHECK(of.batches.at(1).count == 3);
    CHECK(of.cache_hit.count == 1);
    CHECK(of.cache_hit.ns == 5000);
    CHECK(of.pending == 0);
}
