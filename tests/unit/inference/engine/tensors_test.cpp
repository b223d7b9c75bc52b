// Several inputs and outputs, rows, padding and other forms of the model, through a real worker and libtorch.
#include "unit/inference/engine_fixture.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace millrace;
using namespace millrace::inference;
using namespace millrace::inference::testing;

namespace {

inference::Tensor floats(const std::string& name, values::Shape shape, const std::vector<float>& values) {
    inference::Tensor tensor{name, values::Datatype::fp32, std::move(shape),
                             std::string(values.size() * sizeof(float), 0)};
    std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
    return tensor;
}

std::vector<float> floats_of(const inference::Tensor& tensor) {
    std::vector<float> list(tensor.bytes.size() / sizeof(float));
    std::memcpy(list.data(), tensor.bytes.data(), tensor.bytes.size());
    return list;
}

Request of(std::shared_ptr<const ModelVersion> model, std::vector<inference::Tensor> tensors, bool raw = true) {
    Request request;
    request.model = std::move(model);
    request.input.tensors = std::move(tensors);
    request.raw = raw;
    return request;
}

std::shared_ptr<const ModelVersion> pair() {
    return model_of("pair.pt",
                    R"({"format":1,"name":"pair","task":"tensor","inputs":[{"name":"a","kind":"tensor","shape":[3]},
        {"name":"b","kind":"tensor","shape":[2]}],"outputs":[{"name":"sum","shape":[1]},{"name":"twice","shape":[3]}],"batching":{"max_batch":8}})");
}

std::shared_ptr<const ModelVersion> lengths(const std::string& batching) {
    return model_of(
        "lengths.pt",
        R"({"format":1,"name":"lengths","task":"tensor","input":{"kind":"tensor","shape":[-1]},"output":{"shape":[2]},
        "batching":)" +
            batching + "}");
}

std::shared_ptr<const ModelVersion> filters(const std::string& execution) {
    return model_of(
        "filters.pt",
        R"({"format":1,"name":"filters","task":"tensor","input":{"kind":"tensor","shape":[3,16,16]},"output":{"shape":[4]},
        "batching":{"max_batch":4},"execution":)" +
            execution + "}");
}

} // namespace

TEST_CASE("a model of two inputs and two outputs takes and gives tensors by name") {
    if (!has_runtime()) return;
    Fixture f;
    const auto outcome =
        f.run(of(pair(), {floats("a", {2, 3}, {1, 2, 3, 4, 5, 6}), floats("b", {2, 2}, {10, 20, 30, 40})}));
    REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
    REQUIRE(outcome->tensors.size() == 2);
    CHECK(outcome->tensors[0].name == "sum");
    CHECK(outcome->tensors[0].shape == values::Shape{2, 1});
    CHECK(floats_of(outcome->tensors[0]) == std::vector<float>{36, 85});
    CHECK(outcome->tensors[1].name == "twice");
    CHECK(floats_of(outcome->tensors[1]) == std::vector<float>{2, 4, 6, 8, 10, 12});
    CHECK(outcome->batch_size == 2);
}

TEST_CASE("requests of several rows share a batch, and each gets its own back") {
    if (!has_runtime()) return;
    Fixture f;
    std::vector<std::future<Outcome>> futures;
    for (int i = 1; i <= 12; ++i) {
        const auto x = static_cast<float>(i);
        futures.push_back(
            f.send(of(pair(), {floats("", {2, 3}, {x, 0, 0, 0, x, 0}), floats("", {2, 2}, {0, 0, 0, x})})));
    }
    int largest = 0;
    for (int i = 1; i <= 12; ++i) {
        const auto outcome = futures[static_cast<std::size_t>(i - 1)].get();
        REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
        const auto x = static_cast<float>(i);
        CHECK(floats_of(outcome->tensors[0]) == std::vector<float>{x, 2 * x});
        largest = std::max(largest, outcome->batch_size);
        CHECK(outcome->batch_size <= 8);
    }
    CHECK(largest > 2);
}

TEST_CASE("tensors that do not fit the model are the sender's fault, and say which") {
    if (!has_runtime()) return;
    Fixture f;
    const auto failure = [&](std::vector<inference::Tensor> tensors) {
        const auto outcome = f.run(of(pair(), std::move(tensors)));
        REQUIRE_FALSE(outcome.has_value());
        CHECK(outcome.error().reason == FailureReason::bad_input);
        return outcome.error().message;
    };
    CHECK(failure({floats("a", {1, 3}, {1, 2, 3})}).find("2 inputs") != std::string::npos);
    CHECK(failure({floats("a", {1, 4}, {1, 2, 3, 4}), floats("b", {1, 2}, {1, 2})}).find("\"a\"") != std::string::npos);
    CHECK(failure({floats("a", {1, 3}, {1, 2, 3}), floats("b", {2, 2}, {1, 2, 3, 4})}).find("\"b\"") !=
          std::string::npos);
    CHECK(failure({floats("a", {9, 3}, std::vector<float>(27)), floats("b", {9, 2}, std::vector<float>(18))})
              .find("at most 8") != std::string::npos);
}

TEST_CASE("inputs of several lengths run by length, or filled up to a declared bucket together") {
    if (!has_runtime()) return;
    const auto run = [&](const std::shared_ptr<const ModelVersion>& model) {
        Fixture f;
        std::vector<std::future<Outcome>> futures;
        for (const int length : {3, 5, 4, 9}) {
            const auto n = static_cast<std::size_t>(length);
            futures.push_back(f.send(of(model, {floats("", {1, length}, std::vector<float>(n, 1))})));
        }
        std::vector<std::vector<float>> answers;
        for (auto& future : futures) {
            const auto outcome = future.get();
            REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
            answers.push_back(floats_of(outcome->tensors.front()));
        }
        return answers;
    };
    using Answers = std::vector<std::vector<float>>;
    CHECK(run(lengths(R"({"max_batch":4})")) == Answers{{3, 3}, {5, 5}, {4, 4}, {9, 9}});
    // Filled with 2: the sums show it. Nine is above the last bucket, and stays.
    CHECK(run(lengths(R"({"max_batch":4,"padding":{"buckets":[4,8],"value":2}})")) ==
          Answers{{5, 4}, {11, 8}, {4, 4}, {9, 9}});
}

TEST_CASE("bfloat16 and channels_last are used where the outputs stay near enough, and left where they do not") {
    if (!has_runtime()) return;
    Fixture f;
    const auto plain = f.check(filters("{}"));
    REQUIRE(plain.has_value());
    CHECK(plain->precision == "fp32");
    CHECK_FALSE(plain->channels_last);
    const auto near = f.check(filters(R"({"precision":"bf16","channels_last":true,"tolerance":0.1})"));
    REQUIRE_MESSAGE(near.has_value(), near.error().detail);
    CHECK(near->precision == "bf16");
    CHECK(near->channels_last);
    const auto strict = f.check(filters(R"({"precision":"bf16","tolerance":1e-7})"));
    REQUIRE(strict.has_value());
    CHECK(strict->precision == "fp32");
    CHECK(strict->note.find("bf16 changed the outputs") != std::string::npos);
}

TEST_CASE("an AOTInductor package is served like any other model, or refused with what it needs") {
    if (!has_runtime()) return;
    Fixture f;
    const auto compiled =
        model_of("compiled.pt2", R"({"format":1,"name":"line","task":"tensor","input":{"kind":"tensor","shape":[3]},
        "output":{"shape":[3]},"batching":{"max_batch":16}})");
    const auto report = f.check(compiled);
    REQUIRE(f.wait_for([](const WorkerStatus& s) { return s.state == "ready"; }, 30s));
    if (f.engine->status().runtime.starts_with("libtorch 1.")) {
        REQUIRE_FALSE(report.has_value());
        CHECK(report.error().detail.find("need libtorch 2.7") != std::string::npos);
        return;
    }
    REQUIRE_MESSAGE(report.has_value(), report.error().detail);
    CHECK(report->optimization == "compiled");
    for (int round = 0; round < 3; ++round) { // the same library, loaded anew each time
        const auto outcome = f.run(of(compiled, {floats("", {2, 3}, {1, 2, 3, 4, 5, 6})}));
        REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
        CHECK(floats_of(outcome->tensors.front()) == std::vector<float>{3, 5, 7, 9, 11, 13});
        CHECK(f.unload(compiled).has_value());
    }
}
