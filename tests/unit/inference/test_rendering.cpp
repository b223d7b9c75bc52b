#include "base/json_text.hpp"
#include "inference/rendering.hpp"

#include "inference/worker/postprocess.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace millrace;
using namespace millrace::inference;

namespace {

ModelVersion version(const std::string& manifest) {
    return {OrganizationId{}, "m", "2", std::string(64, '0'), "/nonexistent",
            std::make_shared<const model::Manifest>(*model::Manifest::parse(manifest))};
}

const ModelVersion classifier = version(
    R"({"format":1,"name":"m","task":"image_classification","input":{"kind":"image","color":"gray","shape":[1,2,2]},
    "output":{"shape":[3]},"labels":["a","b","c"],"postprocess":{"kind":"softmax_top_k","top_k":2}})");
const ModelVersion raw = version(
    R"({"format":1,"name":"m","task":"tensor","input":{"kind":"tensor","shape":[2]},"output":{"name":"y","shape":[3]}})");

frame::Outcome postprocess(const ModelVersion& model, const std::vector<float>& values, model::Shape shape) {
    const worker::OutputView view{model::Datatype::fp32, shape, reinterpret_cast<const std::byte*>(values.data()),
                                  values.size() * sizeof(float)};
    return worker::postprocess({&view, 1}, *model.manifest);
}

} // namespace

TEST_CASE("a classification names the label and keeps the order of the confidences") {
    auto outcome =
        render({std::get<frame::TopK>(postprocess(classifier, {0, std::log(2.0F), std::log(5.0F)}, {3})), 4, 1.25},
               classifier, {.queue_ms = 0.5});
    REQUIRE(outcome.has_value());
    CHECK(outcome->result.at("label").as_string() == "c");
    CHECK(outcome->result.at("confidence").as_double() == doctest::Approx(0.625));
    CHECK(outcome->result.at("top").as_array().size() == 2);
    CHECK(outcome->result.at("model_version").as_string() == "2");
    CHECK(outcome->result.at("batch_size").as_int64() == 4);
    CHECK(outcome->result.at("queue_ms").as_double() == 0.5);
}

TEST_CASE("softmax survives large logits, and a model that gives no number has failed") {
    const auto top = std::get<frame::TopK>(postprocess(classifier, {1000, 999, -1000}, {3}));
    CHECK(top.ranked[0].share == doctest::Approx(0.731059));
    CHECK_THROWS(postprocess(classifier, {std::nanf(""), 0, 0}, {3}));
    CHECK_THROWS(postprocess(classifier, {0, 0}, {2})); // the manifest promises three
}

TEST_CASE("raw outputs are given as numbers, and what is no number has no form in JSON") {
    const auto given = [](std::vector<float> values, bool as_tensors) {
        auto tensors = std::get<frame::Tensors>(postprocess(raw, values, {3}));
        if (as_tensors) tensors.tensors[0].shape.insert(tensors.tensors[0].shape.begin(), 1);
        return render({std::move(tensors), 1, 1}, raw, {}, as_tensors);
    };
    const auto outcome = given({1.5F, 10, -0.25F}, false);
    REQUIRE(outcome.has_value());
    CHECK(json_text(outcome->result.at("outputs")) == R"([{"name":"y","datatype":"FP32","shape":[3],"data":[1.5,10,-0.25]}])");
    for (const float wrong : {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
        const auto refused = given({1.5F, wrong, 0}, false);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().reason == FailureReason::model_failed);
        CHECK(to_error(refused.error()).code == Code::unprocessable);
        CHECK_FALSE(may_retry(refused.error()));
        CHECK(refused.error().message.find("application/x-npy") != std::string::npos);
        CHECK(given({1.5F, wrong, 0}, true).has_value()); // as they are
    }
}

TEST_CASE("a model that gives no number for a class or a pixel has no answer, and 422 says so") {
    CHECK_THROWS_AS(postprocess(classifier, {std::nanf(""), 0, 0}, {3}), worker::OutputError);
    auto outcome = render({frame::ItemFailure{false, "not a number", true}, 1, 1}, classifier, {});
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().reason == FailureReason::model_failed);
    CHECK(to_error(outcome.error()).code == Code::unprocessable);
    outcome = render({frame::ItemFailure{false, "it threw"}, 1, 1}, classifier, {});
    CHECK(to_error(outcome.error()).code == Code::internal);
}

TEST_CASE("what was asked for raw comes as tensors with the outputs' names, and nothing else does") {
    const frame::Tensors tensors{{{model::Datatype::fp32, {1, 3}, std::string(12, 0)}}};
    auto outcome = render({tensors, 1, 1}, classifier, {}, true);
    REQUIRE(outcome.has_value());
    REQUIRE(outcome->tensors.size() == 1);
    CHECK(outcome->tensors[0].shape == model::Shape{1, 3});
    CHECK_FALSE(outcome->result.contains("outputs"));
    CHECK_FALSE(render({frame::TopK{{{0, 0.5F}}}, 1, 1}, classifier, {}, true).has_value());
}

TEST_CASE("several rows are answered one by one") {
    auto outcome = render({frame::TopKs{{{{{0, 0.9F}}}, {{{2, 0.8F}}}}}, 2, 1}, classifier, {});
    REQUIRE(outcome.has_value());
    const auto& rows = outcome->result.at("rows").as_array();
    REQUIRE(rows.size() == 2);
    CHECK(rows[1].at("label").as_string() == "c");
    CHECK_FALSE(outcome->result.contains("label"));
}

TEST_CASE("an answer of the worker that does not fit the manifest is not believed") {
    const auto refused = [](frame::ItemResult item, const ModelVersion& model) {
        return !render(std::move(item), model, {});
    };
    CHECK(refused({frame::TopK{{{3, 0.5F}}}, 1, 1}, classifier));
    CHECK(refused({frame::TopK{{{0, 7.0F}}}, 1, 1}, classifier));
    CHECK(refused({frame::TopK{}, 1, 1}, classifier));
    CHECK(refused({frame::Map{1, 1, {1, 0, 0}, ""}, 1, 1}, classifier));
    CHECK(refused({frame::Tensors{}, 1, 1}, classifier));
    CHECK(refused({frame::TopK{{{0, 0.5F}}}, 1, 1}, raw));
}

TEST_CASE("failures carry their reason as a stable word") {
    auto outcome = render({frame::ItemFailure{true, "not a picture"}, 1, 1}, classifier, {});
    REQUIRE(!outcome);
    CHECK(word(outcome.error().reason) == "bad_input");
    CHECK_FALSE(may_retry(outcome.error()));
    CHECK(to_error(outcome.error()).code == Code::unprocessable);
    CHECK(may_retry({FailureReason::worker_lost, "", true}));
}
