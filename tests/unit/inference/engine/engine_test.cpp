// The engine with a real worker process, a real runtime and small real models.
#include "unit/inference/engine_fixture.hpp"

#include <signal.h>
#include <sys/mman.h>

using namespace millrace::inference::testing;

TEST_CASE("a tensor, a picture and a map come back from the worker with the model's values") {
    if (!has_runtime()) return;
    Fixture f;
    const auto doubled = f.run(numbers(), json_input(R"({"data":[1,2,3,4.5],"shape":[4]})"));
    INFO(said(doubled));
    REQUIRE(doubled.has_value());
    const auto& output = doubled->result.at("outputs").as_array().at(0).as_object();
    CHECK(output.at("name").as_string() == "double");
    CHECK(json::serialize(output.at("data")) == "[2E0,4E0,6E0,9E0]");
    CHECK(doubled->result.at("model").as_string() == "numbers");

    const auto label = f.run(brightness(), {"image/png", flat_png(20, 140), {}, 0});
    INFO(said(label));
    REQUIRE(label.has_value());
    CHECK(label->result.at("label").as_string() == "5"); // 140 / 255 = 0.549
    CHECK(label->result.at("top").as_array().size() == 3);
    CHECK(label->result.at("confidence").as_double() > 0.3);

    const auto map = f.run(planes(), json_input(R"({"data":[[[0.9,0.1],[0.2,0.3]],[[0.8,0.7],[0.1,0.2]]]})"));
    INFO(said(map));
    REQUIRE(map.has_value());
    CHECK(json::serialize(map->result.at("shares").as_array().at(2).as_object().at("pixels")) == "2");
    REQUIRE(map->files.size() == 1);
    const auto image = worker::decode_png(map->files[0].bytes);
    CHECK(std::vector<std::uint8_t>(image.pixels.begin(), image.pixels.begin() + 6) ==
          std::vector<std::uint8_t>{255, 0, 0, 0, 255, 0});
    CHECK(f.engine->status().models == std::vector<std::string>{"numbers/1", "brightness/1", "planes/1"});
}

TEST_CASE("an input from a file descriptor gives the same answer as its bytes") {
    if (!has_runtime()) return;
    Fixture f;
    const auto png = flat_png(8, 30);
    Input input{"", "", Descriptor{::memfd_create("test", 0)}, png.size(), {}};
    REQUIRE(::write(input.file.get(), png.data(), png.size()) == static_cast<ssize_t>(png.size()));
    const auto label = f.run(brightness(), std::move(input));
    INFO(said(label));
    REQUIRE(label.has_value());
    CHECK(label->result.at("label").as_string() == "1");
}

TEST_CASE("inputs and outputs that are larger than a frame go through") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model =
        model_of("planes.pt", R"({"format":1,"name":"large","task":"tensor","input":{"kind":"tensor","shape":[2,-1,-1]},
        "output":{"shape":[3,-1,-1]},"batching":{"max_batch":2}})");
    std::string row = "[";
    for (int x = 0; x < 200; ++x) row += (x ? ",0.25" : "0.25");
    row += "]";
    std::string plane = "[";
    for (int y = 0; y < 200; ++y) plane += (y ? "," : "") + row;
    plane += "]";
    auto outcome = f.run(model, json_input("[" + plane + "," + plane + "]"));
    REQUIRE_MESSAGE(outcome.has_value(), (outcome ? "" : said(outcome)));
    const auto& data = outcome->result.at("outputs").at(0).at("data").as_array();
    REQUIRE(data.size() == 3 * 200 * 200);
    CHECK(data.front().as_double() == 0.25);
    CHECK(data.back().as_double() == 0.5);
}

TEST_CASE("what waits together is run together, and one bad input fails alone") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = numbers();
    f.run(model, first_value(1)); // loaded
    std::vector<std::future<Outcome>> answers;
    for (int i = 0; i < 64; ++i)
        answers.push_back(f.send(model, i == 20 ? json_input("[1,2,3]") : i == 40 ? first_value(901) : first_value(i)));
    int largest = 0;
    for (int i = 0; i < 64; ++i) {
        auto outcome = answers[static_cast<std::size_t>(i)].get();
        INFO(i << " " << said(outcome));
        if (i == 20) {
            REQUIRE(!outcome);
            CHECK(outcome.error().reason == FailureReason::bad_input);
        } else if (i == 40) {
            REQUIRE(!outcome);
            CHECK(outcome.error().reason == FailureReason::model_failed);
            CHECK(outcome.error().message.find("poisoned input") != std::string::npos);
        } else {
            REQUIRE(outcome.has_value());
            CHECK(outcome->result.at("outputs").at(0).at("data").at(0).as_double() == 2.0 * i);
            largest = std::max(largest, outcome->batch_size);
        }
    }
    CHECK(largest > 1);
    CHECK(largest <= 8);
}

TEST_CASE("a batch that is too large for the memory is halved until it fits") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = numbers();
    f.run(model, first_value(1));
    std::vector<std::future<Outcome>> answers;
    for (int i = 0; i < 32; ++i) answers.push_back(f.send(model, first_value(905)));
    for (auto& answer : answers) {
        auto outcome = answer.get();
        INFO(said(outcome));
        REQUIRE(outcome.has_value());
        CHECK(outcome->batch_size <= 2);
    }
    auto impossible = f.run(model, first_value(903));
    REQUIRE(!impossible);
    CHECK(impossible.error().reason == FailureReason::model_failed);
    CHECK(f.engine->status().restarts == 0);
}

TEST_CASE("work whose worker somebody else kills runs again, and is worker_lost when that has happened three times") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = numbers();
    f.run(model, first_value(1));
    auto hanging = f.send(model, first_value(902));
    int runs_in = 0;
    const auto runs = [&](const WorkerStatus& s) {
        for (const auto& device : s.devices)
            if (device.batches == 1 && device.state == "ready") runs_in = device.pid;
        return runs_in != 0;
    };
    for (int times = 0; times < 3; ++times) {
        REQUIRE(f.wait_for(runs, 20s));
        std::this_thread::sleep_for(50ms);
        CHECK(hanging.wait_for(0s) == std::future_status::timeout);
        REQUIRE(::kill(std::exchange(runs_in, 0), SIGKILL) == 0);
        REQUIRE(
            f.wait_for([&](const WorkerStatus& s) { return s.restarts == static_cast<std::uint64_t>(times) + 1; }, 5s));
    }
    auto lost = hanging.get();
    REQUIRE(!lost);
    CHECK(lost.error().reason == FailureReason::worker_lost);
    CHECK(lost.error().killed_worker);
    auto next = f.run(model, first_value(3));
    INFO(said(next));
    CHECK(next.has_value());
    CHECK(f.engine->status().restarts == 3);
}

TEST_CASE("a model that hangs is killed at its limit, and what was behind it is not blamed") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = numbers(R"({"timeout_seconds":0.5})", 1);
    const auto other = numbers(R"({"timeout_seconds":20})", 8, "other");
    f.run(other, first_value(1));
    f.run(model, first_value(1));
    const auto start = std::chrono::steady_clock::now();
    auto hanging = f.send(model, first_value(902));
    REQUIRE(f.wait_for([](const WorkerStatus& s) { return s.in_flight == 1; }, 5s));
    auto behind = f.send(model, first_value(1));
    auto outcome = hanging.get();
    REQUIRE(!outcome);
    CHECK(outcome.error().reason == FailureReason::timed_out);
    CHECK(outcome.error().killed_worker);
    CHECK(std::chrono::steady_clock::now() - start < 1500ms);
    auto second = behind.get();
    if (!second) CHECK_FALSE(second.error().killed_worker); // it was sent ahead; otherwise it ran in the next worker
    CHECK(f.run(model, first_value(2)).has_value());
}

TEST_CASE("work that is marked runs in a batch of its own") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = numbers();
    f.run(model, first_value(1));
    std::vector<std::future<Outcome>> answers;
    for (int i = 0; i < 40; ++i) answers.push_back(f.send(model, first_value(i), i == 20));
    for (int i = 0; i < 40; ++i) {
        auto outcome = answers[static_cast<std::size_t>(i)].get();
        REQUIRE(outcome.has_value());
        if (i == 20) CHECK(outcome->batch_size == 1);
    }
}

TEST_CASE("a model that opens a file for writing is stopped by the sandbox") {
    if (!has_runtime()) return;
    Fixture f;
    auto outcome = f.run(numbers(), first_value(904));
    INFO(said(outcome));
    REQUIRE(!outcome);
    CHECK(outcome.error().reason == FailureReason::model_failed);
    CHECK_FALSE(std::filesystem::exists("millrace-escape"));
    CHECK(f.engine->status().sandbox.find("seccomp") != std::string::npos);
}

TEST_CASE("a trial tells what a model needs, and refuses files and manifests that do not fit") {
    if (!has_runtime()) return;
    Fixture f;
    auto good = f.check(brightness());
    REQUIRE_MESSAGE(good.has_value(), (good ? "" : good.error().detail));
    CHECK(good->load_ms > 0);
    CHECK(good->warm_up_ms > 0);
    INFO(good->optimization);

    auto wrong_output = f.check(model_of(
        "planes.pt",
        R"({"format":1,"name":"x","task":"tensor","input":{"kind":"tensor","shape":[2,8,8]},"output":{"shape":[4,8,8]}})"));
    REQUIRE(!wrong_output);
    CHECK(wrong_output.error().code == Code::unprocessable);
    CHECK(wrong_output.error().detail.find("its manifest promises") != std::string::npos);

    auto digest = *brightness();
    digest.sha256 = std::string(64, 'a');
    auto wrong_digest = f.check(std::make_shared<const ModelVersion>(digest));
    REQUIRE(!wrong_digest);
    CHECK(wrong_digest.error().detail.find("digest") != std::string::npos);

    auto not_a_model = *brightness();
    not_a_model.file = models / "make_models.py";
    not_a_model.sha256 = hex(sha256(read_file(not_a_model.file)));
    auto refused = f.check(std::make_shared<const ModelVersion>(not_a_model));
    REQUIRE(!refused);
    CHECK(refused.error().detail.find("not an acceptable model file") != std::string::npos);
}

TEST_CASE("trials that are asked for together take turns, and end with the engine") {
    if (!has_runtime()) return;
    Fixture f;
    const auto ask = [&] {
        auto promise = std::make_shared<std::promise<Result<CheckReport>>>();
        auto future = promise->get_future();
        f.engine->check(numbers(), [promise](Result<CheckReport> report) { promise->set_value(std::move(report)); });
        return future;
    };
    std::vector<std::future<Result<CheckReport>>> asked;
    for (int i = 0; i < 5; ++i) asked.push_back(ask());
    for (auto& each : asked) {
        REQUIRE(each.wait_for(60s) == std::future_status::ready);
        CHECK(each.get().has_value());
    }
    std::vector<std::future<Result<CheckReport>>> more;
    for (int i = 0; i < 40; ++i) more.push_back(ask());
    CHECK(more.back().get().error().detail.find("wait for their trial") != std::string::npos); // 2 run, 32 wait
    f.engine->stop();
    CHECK(more.front().get().error().code == Code::unavailable);
    CHECK(more[20].get().error().code == Code::unavailable);
}

TEST_CASE("a request whose deadline passes in the queue is dropped as timed_out") {
    if (!has_runtime()) return;
    Fixture f;
    auto late =
        f.send(numbers(), first_value(1), false, std::chrono::steady_clock::now() + 10ms); // the worker is not even up
    auto outcome = late.get();
    REQUIRE(!outcome);
    CHECK(outcome.error().reason == FailureReason::timed_out);
    CHECK_FALSE(outcome.error().killed_worker);
}

TEST_CASE("without a runtime module predictions fail clearly and at once") {
    EngineOptions options;
    options.runtime = "/nonexistent/libmillrace_torch.so";
    options.first_backoff = 1ms;
    Fixture f{options};
    auto outcome = f.run(numbers(), first_value(1));
    REQUIRE(!outcome);
    CHECK(outcome.error().reason == FailureReason::unavailable);
    CHECK(outcome.error().message.find("cannot be loaded") != std::string::npos);
    CHECK(f.engine->status().state == "unavailable");
}

TEST_CASE("switched off, no worker is started, and predictions and trials say so") {
    EngineOptions options;
    options.enabled = false;
    Fixture f{options};
    const auto outcome = f.run(numbers(), first_value(1));
    REQUIRE(!outcome);
    CHECK(outcome.error().reason == FailureReason::unavailable);
    CHECK(outcome.error().message.find("switched off") != std::string::npos);
    const auto report = f.check(numbers());
    REQUIRE(!report);
    CHECK(report.error().detail.find("switched off") != std::string::npos);
    CHECK(f.engine->status().state == "unavailable");
    CHECK(f.engine->status().pid == 0);
}

TEST_CASE("stopping answers everything that was accepted") {
    Fixture f;
    const auto model = numbers();
    std::vector<std::future<Outcome>> answers;
    for (int i = 0; i < 100; ++i) answers.push_back(f.send(model, first_value(1)));
    f.engine->stop();
    for (auto& answer : answers) REQUIRE(answer.wait_for(0s) == std::future_status::ready);
    CHECK(f.run(model, first_value(1)).error().reason == FailureReason::unavailable);
}
