#include "base/json_text.hpp"
#include "inference/rendering/rendering.hpp"

#include "inference/worker/postprocess/postprocess.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace millrace;
using namespace millrace::inference;

namespace {

ModelVersion version(const std::string& manifest) {
    return {OrganizationId{},
            "m",
            "2",
            std::string(64, '0'),
            "/nonexistent",
            std::make_shared<const values::Manifest>(*values::Manifest::parse(manifest))};
}

const ModelVersion classifier = version(
    R"({"format":1,"name":"m","task":"image_classification","input":{"kind":"image","color":"gray","shape":[1,2,2]},
    "output":{"shape":[3]},"labels":["a","b","c"],"postprocess":{"kind":"softmax_top_k","top_k":2}})");
const ModelVersion raw = version(
    R"({"format":1,"name":"m","task":"tensor","input":{"kind":"tensor","shape":[2]},"output":{"name":"y","shape":[3]}})");

frame::Outcome postprocess(const ModelVersion& model, const std::vector<float>& values, values::Shape shape) {
    const worker::OutputView view{values::Datatype::fp32, shape, reinterpret_cast<const std::byte*>(values.data()),
                                  values.size() * sizeof(float)};
    return worker::postprocess({&view, 1}, *model.manifest);
}

ModelVersion labelled(const std::string& shape, const std::string& labels, const std::string& postprocess,
                      const std::string& task = "classification") {
    return version(R"({"format":1,"name":"m","task":")" + task +
                   R"(","input":{"kind":"tensor","shape":[2]},"output":{"shape":)" + shape + R"(},"labels":)" + labels +
                   R"(,"postprocess":)" + postprocess + "}");
}

json::object answer(const ModelVersion& model, const std::vector<float>& values, values::Shape shape) {
    auto outcome = render({postprocess(model, values, std::move(shape)), 1, 1}, model, {});
    REQUIRE(outcome.has_value());
    return outcome->result;
}

std::vector<std::string> names(const json::value& list) {
    std::vector<std::string> out;
    for (const auto& each : list.as_array()) out.emplace_back(each.at("label").as_string());
    return out;
}

} // namespace

TEST_CASE("probabilities are ranked as they are, and logits in their place are an error of the model") {
    for (const auto* kind :
         {R"({"kind":"top_k","top_k":2})", R"({"kind":"softmax_top_k","probabilities":true,"top_k":2})"}) {
        const auto model = labelled("[3]", R"(["a","b","c"])", kind);
        const auto result = answer(model, {0.25F, 0.125F, 0.625F}, {3});
        CHECK(result.at("label").as_string() == "c");
        CHECK(result.at("confidence").as_double() == 0.625);
        CHECK(names(result.at("top")) == std::vector<std::string>{"c", "a"});
        CHECK_THROWS(postprocess(model, {-4, 2, 1}, {3}));
        CHECK_THROWS(postprocess(model, {std::nanf(""), 0, 1}, {3}));
    }
}

TEST_CASE("one logit decides between two labels, from the threshold on") {
    for (const auto* shape : {"[1]", "[]"}) {
        const values::Shape actual = *shape && shape[1] == '1' ? values::Shape{1} : values::Shape{};
        const auto model = labelled(shape, R"(["ham","spam"])", R"({"kind":"sigmoid"})");
        const auto spam = answer(model, {std::log(3.0F)}, actual);
        CHECK(spam.at("label").as_string() == "spam");
        CHECK(spam.at("confidence").as_double() == doctest::Approx(0.75));
        CHECK(names(spam.at("top")) == std::vector<std::string>{"spam", "ham"});
        CHECK(answer(model, {-2}, actual).at("label").as_string() == "ham");
        CHECK(answer(model, {-std::numeric_limits<float>::infinity()}, actual).at("confidence").as_double() == 1);
        const auto strict = labelled(shape, R"(["ham","spam"])", R"({"kind":"sigmoid","threshold":0.9})");
        CHECK(answer(strict, {std::log(3.0F)}, actual).at("label").as_string() == "ham");
        CHECK(answer(strict, {std::log(3.0F)}, actual).at("confidence").as_double() == doctest::Approx(0.25));
    }
    const auto finished = labelled("[1]", R"(["ham","spam"])", R"({"kind":"sigmoid","probabilities":true})");
    CHECK(answer(finished, {0.75F}, {1}).at("confidence").as_double() == 0.75);
    CHECK_THROWS(postprocess(finished, {3}, {1}));
    CHECK_THROWS(postprocess(finished, {std::nanf("")}, {1}));
}

TEST_CASE("several labels are right at once, each from its own threshold on") {
    const auto model =
        labelled("[3]", R"(["cat","dog","indoors"])", R"({"kind":"sigmoid","thresholds":[0.5,0.9,0.2],"top_k":2})");
    const auto result = answer(model, {2, 1, -1}, {3});
    CHECK(names(result.at("labels")) == std::vector<std::string>{"cat", "indoors"}); // dog has 0.73 of 0.9
    CHECK(names(result.at("top")) == std::vector<std::string>{"cat", "dog"});
    CHECK_FALSE(result.contains("label"));
    CHECK(answer(model, {-9, -9, -9}, {3}).at("labels").as_array().empty());
    const auto one = labelled("[1]", R"(["spam"])", R"({"kind":"sigmoid"})");
    CHECK(names(answer(one, {1}, {1}).at("labels")) == std::vector<std::string>{"spam"});
    CHECK(answer(one, {-1}, {1}).at("labels").as_array().empty());
}

TEST_CASE("a regression's values have their names") {
    const auto model = labelled("[2]", R"(["price","days"])", R"({"kind":"values"})", "regression");
    CHECK(json::serialize(answer(model, {1.5F, -2}, {2}).at("values")) == R"({"price":1.5E0,"days":-2E0})");
    CHECK_THROWS(postprocess(model, {1, std::numeric_limits<float>::infinity()}, {2}));
}

TEST_CASE("one plane of logits makes a map of two labels") {
    const auto map_of = [](const std::string& members, const std::vector<float>& values) {
        const auto model = version(
            R"({"format":1,"name":"m","task":"pixel_classification","input":{"kind":"tensor","shape":[2]},"output":{"shape":[1,-1,-1]},
            "labels":["land","water"],"postprocess":{"kind":"sigmoid_map","colors":["#000000","#0000ff"])" +
            members + "}}");
        return std::get<frame::Map>(postprocess(model, values, {1, 1, static_cast<std::int64_t>(values.size())}))
            .pixels;
    };
    CHECK(map_of("", {-1, 0, 0.1F, 5}) == std::vector<std::uint64_t>{1, 3});
    CHECK(map_of(R"(,"threshold":0.75)", {-1, 0, 1, 5}) == std::vector<std::uint64_t>{3, 1}); // log(3) = 1.0986
    CHECK(map_of(R"(,"probabilities":true,"threshold":0.75)", {0.2F, 0.7F, 0.75F, 1}) ==
          std::vector<std::uint64_t>{2, 2});
}

TEST_CASE("a model of double precision is postprocessed as one of single") {
    const auto model = version(R"({"format":1,"name":"m","task":"classification","input":{"kind":"tensor","shape":[2]},
        "output":{"shape":[2],"datatype":"FP64"},"labels":["a","b"],"postprocess":{"kind":"top_k"}})");
    const std::vector<double> values{0.25, 0.75};
    const values::Shape shape{2};
    const worker::OutputView view{values::Datatype::fp64, shape, reinterpret_cast<const std::byte*>(values.data()), 16};
    CHECK(std::get<frame::TopK>(worker::postprocess({&view, 1}, *model.manifest)).ranked[0].label == 1);
}

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
    CHECK(json_text(outcome->result.at("outputs")) ==
          R"([{"name":"y","datatype":"FP32","shape":[3],"data":[1.5,10,-0.25]}])");
    for (const float wrong :
         {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
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
    const frame::Tensors tensors{{{values::Datatype::fp32, {1, 3}, std::string(12, 0)}}};
    auto outcome = render({tensors, 1, 1}, classifier, {}, true);
    REQUIRE(outcome.has_value());
    REQUIRE(outcome->tensors.size() == 1);
    CHECK(outcome->tensors[0].shape == values::Shape{1, 3});
    CHECK_FALSE(outcome->result.contains("outputs"));
    CHECK_FALSE(render({frame::TopK{{{0, 0.5F}}}, 1, 1}, classifier, {}, true).has_value());
}

TEST_CASE("several rows are answered one by one") {
    auto outcome = render({frame::Rows{{frame::TopK{{{0, 0.9F}}}, frame::TopK{{{2, 0.8F}}}}}, 2, 1}, classifier, {});
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
    CHECK(refused({frame::Scores{{0.1F, 0.2F, 0.7F}}, 1, 1}, classifier));
    CHECK(refused({frame::Scores{{0.5F}}, 1, 1}, labelled("[2]", R"(["a","b"])", R"({"kind":"sigmoid"})")));
    CHECK(refused({frame::Scores{{0.5F, 1.5F}}, 1, 1}, labelled("[2]", R"(["a","b"])", R"({"kind":"sigmoid"})")));
    CHECK(refused({frame::Rows{}, 1, 1}, classifier));
}

TEST_CASE("failures carry their reason as a stable word") {
    auto outcome = render({frame::ItemFailure{true, "not a picture"}, 1, 1}, classifier, {});
    REQUIRE(!outcome);
    CHECK(word(outcome.error().reason) == "bad_input");
    CHECK_FALSE(may_retry(outcome.error()));
    CHECK(to_error(outcome.error()).code == Code::unprocessable);
    CHECK(may_retry({FailureReason::worker_lost, "", true}));
}
