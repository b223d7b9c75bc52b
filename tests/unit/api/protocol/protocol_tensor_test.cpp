#include "api/protocol/protocol_input.hpp"
#include "api/protocol/protocol_output.hpp"
#include "base/json.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace millrace;
using namespace millrace::api::protocol;

namespace {

values::OutputSpec spec(std::string name, values::Datatype type, values::Shape shape) {
    return {{std::move(name), type, std::move(shape)}, {}, false};
}

values::Manifest two_inputs() {
    values::Manifest manifest;
    manifest.inputs.resize(2);
    manifest.inputs[0].tensor = spec("a", values::Datatype::fp32, {2});
    manifest.inputs[1].tensor = spec("b", values::Datatype::int64, {-1});
    manifest.outputs = {spec("y", values::Datatype::fp32, {3}), spec("z", values::Datatype::int64, {})};
    manifest.labels = {"cat", "dog", "bird"};
    manifest.batching.max_batch = 4;
    return manifest;
}

values::Manifest of_kind(values::InputKind kind) {
    values::Manifest manifest;
    manifest.inputs.resize(1);
    manifest.inputs[0].tensor = spec("x", values::Datatype::fp32, {1, 8, 8});
    manifest.inputs[0].kind = kind;
    manifest.outputs = {spec("y", values::Datatype::fp32, {3})};
    manifest.max_input_bytes = 1000;
    return manifest;
}

InputTensor tensor(std::string name, std::string_view type, values::Shape shape, std::string bytes = "") {
    return {std::move(name), *wire_type(type), std::move(shape), std::nullopt, std::move(bytes)};
}

InferRequest with(std::vector<InputTensor> inputs) {
    InferRequest request;
    request.inputs = std::move(inputs);
    return request;
}

std::string refusal(std::vector<InputTensor> inputs, const values::Manifest& manifest = two_inputs()) {
    const auto checked = check_inputs(with(std::move(inputs)), manifest);
    return checked ? "" : checked.error().detail;
}

bool holds(const std::string& text, std::string_view part) {
    INFO(text);
    return text.find(part) != std::string::npos;
}

template <class T>
std::string raw(std::initializer_list<T> values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.begin(), bytes.size());
    return bytes;
}

inference::Prediction prediction(std::vector<inference::Tensor> tensors) {
    inference::Prediction made;
    made.tensors = std::move(tensors);
    made.batch_size = 2;
    return made;
}

const inference::ModelVersion asked{{}, "pets", "3", "", "", nullptr};

struct Rendered {
    json::value body;
    std::string binary;
    http::Response response;
};

Rendered render(const InferRequest& request, std::vector<inference::Tensor> tensors) {
    auto made = render_infer(request, two_inputs(), InferAnswer{"pets", "3", std::move(tensors), 2, 0.5, 1.5});
    REQUIRE_MESSAGE(made.has_value(), made.error().detail);
    const auto& body = std::get<std::string>(made->body);
    const auto* header = made->find("Inference-Header-Content-Length");
    const auto length = header ? std::stoul(*header) : body.size();
    return {json::parse(std::string_view{body}.substr(0, length)), body.substr(length), std::move(*made)};
}

} // namespace

TEST_CASE("the inputs of a request are those of the model, in any order") {
    CHECK(refusal({tensor("b", "INT64", {4, 7}), tensor("a", "FP32", {4, 2})}) == "");
    CHECK(holds(refusal({tensor("a", "FP32", {1, 2})}), "2 inputs: \"a\", \"b\""));
    CHECK(holds(refusal({tensor("a", "FP32", {1, 2}), tensor("c", "INT64", {1, 1})}), "no input \"c\""));
    CHECK(holds(refusal({tensor("a", "FP64", {1, 2}), tensor("b", "INT64", {1, 1})}), "is FP32, not FP64"));
    CHECK(holds(refusal({tensor("a", "FP16", {1, 2}), tensor("b", "INT64", {1, 1})}), "is FP32, not FP16"));
    CHECK(holds(refusal({tensor("a", "FP32", {2}), tensor("b", "INT64", {1, 1})}), "shape [-1,2], not [2]"));
    CHECK(holds(refusal({tensor("a", "FP32", {}), tensor("b", "INT64", {1, 1})}), "not []"));
    CHECK(holds(refusal({tensor("a", "FP32", {1, 3}), tensor("b", "INT64", {1, 1})}), "not [1,3]"));
    CHECK(holds(refusal({tensor("a", "FP32", {1, 2}), tensor("b", "INT64", {1, 0})}), "not [1,0]"));
    CHECK(holds(refusal({tensor("a", "FP32", {5, 2}), tensor("b", "INT64", {5, 1})}), "1 to 4 rows"));
    CHECK(holds(refusal({tensor("a", "FP32", {0, 2}), tensor("b", "INT64", {0, 1})}), "1 to 4 rows"));
    CHECK(holds(refusal({tensor("a", "FP32", {3, 2}), tensor("b", "INT64", {2, 1})}), "as many of each"));
    CHECK(holds(refusal({tensor("a", "BYTES", {1}), tensor("b", "INT64", {1, 1})}), "is FP32, not BYTES"));
    CHECK(holds(refusal({tensor("a", "FP32", {1, 2}), tensor("b", "INT64", {1, 1'000'000})}), "a row may have"));
    CHECK(refusal({tensor("a", "FP32", {4, 2}), tensor("b", "INT64", {4, 100'000})}) == "");
}

TEST_CASE("the tensors reach the engine in the model's order") {
    auto request =
        with({tensor("b", "INT64", {1, 1}, raw<std::int64_t>({7})), tensor("a", "FP32", {1, 2}, raw<float>({1, 2}))});
    const auto inputs = make_inputs(request, two_inputs());
    REQUIRE(inputs.has_value());
    REQUIRE(inputs->size() == 1);
    const auto& tensors = inputs->front().tensors;
    REQUIRE(tensors.size() == 2);
    CHECK(tensors[0].name == "a");
    CHECK(tensors[0].bytes == raw<float>({1, 2}));
    CHECK(tensors[1].shape == values::Shape{1, 1});
    CHECK(tensors[1].datatype == values::Datatype::int64);
}

TEST_CASE("an optional input may be left out, and the engine is told so") {
    auto manifest = two_inputs();
    manifest.inputs[0].optional = true;
    auto request = with({tensor("b", "INT64", {2, 1}, raw<std::int64_t>({7, 8}))});
    REQUIRE(check_inputs(request, manifest).has_value());
    const auto inputs = make_inputs(request, manifest);
    REQUIRE(inputs.has_value());
    REQUIRE(inputs->front().tensors.size() == 2);
    CHECK(inputs->front().tensors[0].absent);
    CHECK_FALSE(inputs->front().tensors[1].absent);
    CHECK(holds(refusal({tensor("a", "FP32", {1, 2})}, manifest), "\"b\" is missing"));
}

TEST_CASE("half precision is given in binary, ranked as any other, and never in JSON") {
    const inference::Tensor half{
        "y", values::Datatype::fp16, {1, 3}, raw<std::uint16_t>({0x3c00, 0xc000, 0x3555})}; // 1, -2, 0.333
    auto request = with({});
    request.outputs = {{"y", 2, false}};
    const auto ranked = render(request, {half});
    CHECK(json::serialize(ranked.body.at("outputs").at(0).at("data")) == R"(["1:0:cat","0.33325195:2:bird"])");
    request.outputs = {{"y", 0, true}};
    CHECK(render(request, {half}).binary == half.bytes);
    request.outputs = {{"y", 0, false}};
    const auto refused = render_infer(request, two_inputs(), InferAnswer{"pets", "3", {half}, 1, 0, 0});
    REQUIRE(!refused);
    CHECK(refused.error().code == Code::invalid_argument);
    CHECK(holds(refused.error().detail, "binary"));
}

TEST_CASE("an image, a text and a row may come as BYTES, one item an element") {
    std::string bytes;
    append_element(bytes, "one");
    append_element(bytes, "two");
    for (const auto kind : {values::InputKind::image, values::InputKind::text, values::InputKind::row}) {
        const auto manifest = of_kind(kind);
        auto request = with({tensor("x", "BYTES", {2, 1}, bytes)});
        request.inputs[0].binary_size = bytes.size();
        REQUIRE(check_inputs(request, manifest).has_value());
        const auto items = make_inputs(request, manifest);
        REQUIRE(items.has_value());
        REQUIRE(items->size() == 2);
        CHECK(items->at(1).bytes == "two");
        CHECK(items->at(0).media_type == (kind == values::InputKind::text  ? "text/plain"
                                          : kind == values::InputKind::row ? "application/json"
                                                                           : ""));
    }
}

TEST_CASE("BYTES that a model cannot take are refused") {
    const auto image = of_kind(values::InputKind::image);
    auto request = with({tensor("x", "BYTES", {1}, std::string("\3\0\0\0abc", 7))});
    CHECK(holds(check_inputs(request, image).error().detail, "JSON cannot carry"));
    CHECK(check_inputs(request, of_kind(values::InputKind::text)).has_value());
    CHECK_FALSE(check_inputs(request, of_kind(values::InputKind::tensor)).has_value());
    auto pair = of_kind(values::InputKind::text);
    pair.inputs.push_back(pair.inputs[0]);
    pair.inputs[1].tensor.name = "z";
    CHECK_FALSE(
        check_inputs(with({tensor("x", "BYTES", {1}, "\1"), tensor("z", "BYTES", {1}, "\1")}), pair).has_value());
    request.inputs[0].binary_size = 7;
    for (const auto& shape :
         {values::Shape{}, values::Shape{0}, values::Shape{1, 2}, values::Shape{1, 1, 1}, values::Shape{1025}}) {
        request.inputs[0].shape = shape;
        CHECK(holds(check_inputs(request, image).error().detail, "[N] or [N,1]"));
    }
    request.inputs[0].shape = {1};
    request.inputs[0].binary_size = 1005;
    CHECK(check_inputs(request, image).error().code == Code::too_large);
    request.inputs[0].shape = {2};
    CHECK(holds(make_inputs(request, image).error().detail, "1 elements, but its shape says 2"));
    request.inputs[0].bytes += "x";
    CHECK(holds(make_inputs(request, image).error().detail, "length in 4 bytes"));
}

TEST_CASE("an output that the model lacks is refused") {
    InferRequest request;
    request.outputs = {{"y"}, {"w"}};
    CHECK(holds(check_outputs(request, two_inputs()).error().detail, "no output \"w\"; it gives \"y\", \"z\""));
}

TEST_CASE("an answer in JSON has every output, and its numbers read back as they were") {
    InferRequest request;
    request.id = "7";
    const auto out =
        render(request,
               {{"y", values::Datatype::fp32, {1, 4}, raw<float>({0.1f, -1e-30f, 100000, 1e30f})},
                {"z", values::Datatype::int64, {1}, raw<std::int64_t>({std::numeric_limits<std::int64_t>::min()})}});
    CHECK(out.response.find("Inference-Header-Content-Length") == nullptr);
    CHECK(*out.response.find("Content-Type") == "application/json");
    CHECK(out.body.at("id") == "7");
    CHECK(out.body.at("model_name") == "pets");
    CHECK(out.body.at("model_version") == "3");
    CHECK(out.body.at("parameters").at("batch_size") == 2);
    const auto& y = out.body.at("outputs").at(0);
    CHECK(y.at("shape") == json::value{1, 4});
    CHECK(y.at("datatype") == "FP32");
    CHECK(static_cast<float>(y.at("data").at(0).as_double()) == 0.1f);
    CHECK(static_cast<float>(y.at("data").at(1).as_double()) == -1e-30f);
    CHECK(y.at("data").at(2) == 100000);
    CHECK(static_cast<float>(y.at("data").at(3).as_double()) == 1e30f);
    CHECK(out.body.at("outputs").at(1).at("data") ==
          json::value(json::array{std::numeric_limits<std::int64_t>::min()}));
}

TEST_CASE("what is not finite has no form in JSON, and goes as it is in binary") {
    const std::vector<inference::Tensor> some{{"y", values::Datatype::fp32, {1, 2}, raw<float>({1, std::nanf("")})}};
    const auto refused = render_infer({}, two_inputs(), InferAnswer{"pets", "3", some, 1, 0, 0});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unprocessable);
    CHECK(holds(refused.error().detail, "binary_data"));
    InferRequest request;
    request.binary_output = true;
    CHECK(render(request, some).binary == some[0].bytes);
}

TEST_CASE("binary outputs follow the JSON in its order") {
    InferRequest request;
    request.outputs = {{"z", 0, true}, {"y", 0, false}};
    const auto z = raw<std::int64_t>({5, 6});
    const auto out = render(request, {{"y", values::Datatype::fp32, {2, 1}, raw<float>({1, 2})},
                                      {"z", values::Datatype::int64, {2}, z}});
    CHECK(*out.response.find("Content-Type") == "application/octet-stream");
    CHECK(out.binary == z);
    CHECK(out.body.at("outputs").at(0).at("name") == "z");
    CHECK(out.body.at("outputs").at(0).at("parameters").at("binary_data_size") == 16);
    CHECK_FALSE(out.body.at("outputs").at(0).as_object().contains("data"));
    CHECK(out.body.at("outputs").at(1).at("data") == json::value{1, 2});
    CHECK_FALSE(out.body.as_object().contains("id"));
    request.outputs.clear();
    request.binary_output = true;
    CHECK(render(request, {{"z", values::Datatype::int64, {2}, z}}).binary == z);
}

TEST_CASE("booleans are true and false, bytes are numbers") {
    const auto out = render({}, {{"b", values::Datatype::boolean, {2}, {1, 0}},
                                 {"u", values::Datatype::uint8, {1}, "\xff"},
                                 {"i", values::Datatype::int8, {1}, "\xff"}});
    CHECK(out.body.at("outputs").at(0).at("data") == json::value{true, false});
    CHECK(out.body.at("outputs").at(1).at("data").at(0) == 255);
    CHECK(out.body.at("outputs").at(2).at("data").at(0) == -1);
}

TEST_CASE("classification answers the highest classes of each row, with their labels") {
    InferRequest request;
    request.outputs = {{"y", 2, false}};
    const std::vector<inference::Tensor> tensors{
        {"y", values::Datatype::fp32, {2, 3}, raw<float>({0.5f, 2, -1, 1, 1, std::nanf("")})}};
    const auto out = render(request, tensors);
    CHECK(out.body.at("outputs").at(0).at("datatype") == "BYTES");
    CHECK(out.body.at("outputs").at(0).at("shape") == json::value{2, 2});
    CHECK(out.body.at("outputs").at(0).at("data") == json::value{"2:1:dog", "0.5:0:cat", "1:0:cat", "1:1:dog"});
    request.outputs = {{"y", 9, true}};
    const auto binary = render(request, tensors);
    const auto elements = split_elements(binary.binary, 6);
    REQUIRE(elements.has_value());
    CHECK(elements->size() == 6);
    CHECK(elements->at(2) == "-1:2:bird");
    CHECK(elements->at(5) == "nan:2:bird");
    request.outputs = {{"z", 1, false}}; // no labels: they are of the first output
    CHECK(render(request, {{"z", values::Datatype::int64, {1, 3}, raw<std::int64_t>({3, 4, 1})}})
              .body.at("outputs")
              .at(0)
              .at("data") == json::value(json::array{"4:1"}));
}

TEST_CASE("of equal classes the first come first, and what is no number comes last") {
    InferRequest request;
    request.outputs = {{"z", 4, false}};
    const auto out = render(request, {{"z", values::Datatype::uint8, {1, 40}, std::string(40, '\7')}});
    CHECK(out.body.at("outputs").at(0).at("data") == json::value{"7:0", "7:1", "7:2", "7:3"});
    const auto nan = std::nanf("");
    const std::vector<inference::Tensor> some{{"z", values::Datatype::fp32, {1, 5}, raw<float>({nan, nan, 1, -2, 3})}};
    CHECK(render(request, some).body.at("outputs").at(0).at("data") == json::value{"3:4", "1:2", "-2:3", "nan:0"});
    request.outputs = {{"z", 2, false}};
    CHECK(render(request, some).body.at("outputs").at(0).at("data") == json::value{"3:4", "1:2"});
}

TEST_CASE("the answers of several items are joined along the batch") {
    std::vector<inference::Prediction> predictions;
    predictions.push_back(prediction({{"y", values::Datatype::fp32, {1, 2}, raw<float>({1, 2})}}));
    predictions.push_back(prediction({{"y", values::Datatype::fp32, {1, 2}, raw<float>({3, 4})}}));
    predictions[1].queue_ms = 9;
    const auto joined = join(std::move(predictions), asked);
    REQUIRE(joined.has_value());
    CHECK(joined->outputs[0].shape == values::Shape{2, 2});
    CHECK(joined->outputs[0].bytes == raw<float>({1, 2, 3, 4}));
    CHECK(joined->model == "pets");
    CHECK(joined->version == "3");
    CHECK(joined->queue_ms == 9);

    predictions.clear();
    predictions.push_back(prediction({{"y", values::Datatype::fp32, {1, 2}, raw<float>({1, 2})}}));
    predictions.push_back(prediction({{"y", values::Datatype::fp32, {1, 1}, raw<float>({3})}}));
    CHECK(join(std::move(predictions), asked).error().code == Code::invalid_argument);
}

TEST_CASE("the version that answered is the one that is named") {
    auto made = prediction({});
    made.result = {{"model", "small"}, {"model_version", "1"}};
    std::vector<inference::Prediction> predictions;
    predictions.push_back(std::move(made));
    const auto joined = join(std::move(predictions), asked);
    CHECK(joined->model == "small");
    CHECK(joined->version == "1");
}
