#include "values/manifest.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace millrace;
using namespace millrace::values;

namespace {

const std::string digits =
    R"({"format":1,"name":"digits","description":"Handwritten digits","task":"image_classification",
 "input":{"name":"image","kind":"image","datatype":"FP32","shape":[1,8,8],"color":"gray","resize":[8,8],"scale":0.0625,"mean":[0.5],"std":[0.25]},
 "output":{"name":"logits","datatype":"FP32","shape":[3]},"labels":["0","1","2"],"postprocess":{"kind":"softmax_top_k","top_k":3},
 "batching":{"max_batch":32,"max_delay_ms":2},"limits":{"max_input_bytes":1048576,"timeout_seconds":30},
 "accuracy":{"held_out":0.97,"metric":"accuracy","samples":360,"note":"n"},"warm_up":true})";

const std::string land_cover =
    R"({"format":1,"name":"land_cover","task":"pixel_classification","input":{"kind":"tensor","shape":[68,-1,-1]},
 "output":{"shape":[2,-1,-1]},"labels":["water","forest"],"postprocess":{"kind":"argmax_map","colors":["#0000ff","#00ff00"]}})";

std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE_MESSAGE(at != std::string::npos, from);
    return text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("a full manifest is read, and written in the form that reads the same") {
    const auto m = Manifest::parse(digits);
    REQUIRE(m.has_value());
    CHECK(m->inputs.front().image.color == ImageColor::gray);
    CHECK(m->inputs.front().image.deviation == std::vector<double>{0.25});
    CHECK(m->batching.max_batch == 32);
    CHECK(m->accuracy->samples == 360);
    const auto again = Manifest::from_json(m->to_json());
    REQUIRE(again.has_value());
    CHECK(json::serialize(again->to_json()) == json::serialize(m->to_json()));
    const auto map = Manifest::parse(land_cover);
    REQUIRE(map.has_value());
    CHECK(map->postprocess.colors == std::vector<std::uint32_t>{0x0000ff, 0x00ff00});
    CHECK(Manifest::from_json(map->to_json()).has_value());
}

TEST_CASE("what is left out gets a default that is safe") {
    const auto m = Manifest::parse(land_cover);
    REQUIRE(m.has_value());
    CHECK(m->batching.max_batch == 1);
    CHECK(m->max_input_bytes == 1 << 20);
    CHECK(m->timeout_seconds == 30);
    CHECK(m->inputs.front().tensor.datatype == Datatype::fp32);
}

TEST_CASE("a manifest that contradicts itself is refused with the member's name") {
    const struct {
        const char* from;
        const char* to;
        const char* said;
    } cases[] = {
        {R"("format":1)", R"("format":2)", "format"},
        {R"("name":"digits")", R"("name":"../digits")", "name"},
        {R"("name":"digits")", R"("name":"Digits")", "name"},
        {R"("name":"digits")", R"("name":"")", "name"},
        {R"("task":"image_classification")", R"("task":"magic")", "task"},
        {R"("task":"image_classification")", R"("task":"tensor")", "raw"},
        {R"("task":"image_classification")", R"("task":"pixel_classification")", "argmax_map"},
        {R"("kind":"image")", R"("kind":"sound")", "kind"},
        {R"("datatype":"FP32","shape":[1,8,8])", R"("datatype":"FP99","shape":[1,8,8])", "datatype"},
        {R"("datatype":"FP32","shape":[1,8,8])", R"("datatype":"BOOL","shape":[1,8,8])", "FP32"},
        {R"("datatype":"FP32","shape":[1,8,8])", R"("datatype":"INT32","shape":[1,8,8])", "FP32"},
        {R"("shape":[1,8,8])", R"("shape":[3,8,8])", "gray"},
        {R"("shape":[1,8,8])", R"("shape":[1,-1,8])", "gray"},
        {R"("shape":[1,8,8])", R"("shape":[1,0,8])", "shape"},
        {R"("shape":[1,8,8])", R"("shape":[1,-2,8])", "shape"},
        {R"("shape":[1,8,8])", R"("shape":"big")", "shape"},
        {R"("shape":[1,8,8])", R"("shape":[1,8,8.5])", "shape"},
        {R"("shape":[1,8,8])", R"("shape":[16777216,16777216,16777216])", "too many elements"},
        {R"("shape":[1,8,8])", R"("shape":[1,1,1,1,1,1,1,1])", "shape"},
        {R"("color":"gray")", R"("color":"cmyk")", "color"},
        {R"("resize":[8,8])", R"("resize":[9,8])", "resize"},
        {R"("mean":[0.5])", R"("mean":[0.5,0.5])", "mean"},
        {R"("std":[0.25])", R"("std":[0])", "std"},
        {R"("scale":0.0625)", R"("scale":"x")", "scale"},
        {R"("shape":[3])", R"("shape":[4])", "output"},
        {R"("labels":["0","1","2"])", R"("labels":["0","1","1"])", "twice"},
        {R"("labels":["0","1","2"])", R"("labels":["0","1",""])", "labels"},
        {R"("labels":["0","1","2"])", R"("labels":[])", "labels"},
        {R"("top_k":3)", R"("top_k":4)", "top_k"},
        {R"("top_k":3)", R"("top_k":0)", "top_k"},
        {R"("max_batch":32)", R"("max_batch":100000)", "max_batch"},
        {R"("max_delay_ms":2)", R"("max_delay_ms":-1)", "max_delay_ms"},
        {R"("timeout_seconds":30)", R"("timeout_seconds":0)", "timeout_seconds"},
        {R"("max_input_bytes":1048576)", R"("max_input_bytes":1e30)", "max_input_bytes"},
        {R"("held_out":0.97,)", "", "held_out"},
        {R"("warm_up":true)", R"("warmup":true)", "warmup"},
        {R"("input":{)", R"("input":{"unknown":1,)", "unknown"},
        {R"("output":{"name":"logits","datatype":"FP32","shape":[3]},)", "", "output"},
    };
    for (const auto& c : cases) {
        const auto m = Manifest::parse(with(digits, c.from, c.to));
        INFO(c.from << " -> " << c.to);
        REQUIRE(!m);
        CHECK(m.error().code == Code::unprocessable);
        CHECK_MESSAGE(m.error().detail.find(c.said) != std::string::npos, m.error().detail);
    }
}

TEST_CASE("a map's manifest needs a colour for each label, and only a map has colours") {
    CHECK(!Manifest::parse(with(land_cover, R"(["#0000ff","#00ff00"])", R"(["#0000ff"])")));
    CHECK(!Manifest::parse(with(land_cover, R"("#0000ff")", R"("blue")")));
    CHECK(!Manifest::parse(with(land_cover, R"("kind":"tensor")", R"("kind":"tensor","mean":[0])")));
    CHECK(!Manifest::parse(with(digits, R"("top_k":3)", R"("top_k":3,"colors":["#000000"])")));
}

TEST_CASE("text that is no JSON object is refused, and so is one that is too long") {
    CHECK(Manifest::parse("").error().code == Code::invalid_argument);
    CHECK(Manifest::parse("[1]").error().code == Code::unprocessable);
    CHECK(Manifest::parse(std::string(max_manifest_bytes + 1, ' ')).error().code == Code::too_large);
}

TEST_CASE("the number of a shape's elements never overflows") {
    CHECK(element_count(Shape{2, 3, 4}) == 24);
    CHECK(element_count(Shape{}) == 1);
    CHECK(element_count(Shape{0, 5}) == 0);
    CHECK_FALSE(element_count(Shape{-1, 5}).has_value());
    CHECK_FALSE(element_count(Shape{INT64_MAX, INT64_MAX}).has_value());
    CHECK_FALSE(element_count(Shape{0, INT64_MAX}).has_value());
    CHECK_FALSE(element_count(Shape{1 << 30, 1 << 30}).has_value());
    TensorSpec spec{"x", Datatype::fp32, {68, -1, -1}};
    CHECK(spec.accepts(Shape{68, 5, 9}));
    CHECK_FALSE(spec.accepts(Shape{67, 5, 9}));
    CHECK_FALSE(spec.accepts(Shape{68, 0, 9}));
    CHECK_FALSE(spec.accepts(Shape{68, 5}));
}
