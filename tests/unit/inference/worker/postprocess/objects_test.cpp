// From a detector's tensors to objects in the pixels of the picture that was sent.
#include "inference/rendering/rendering.hpp"
#include "inference/worker/image/image_tensor.hpp"
#include "inference/worker/postprocess/postprocess.hpp"
#include "unit/inference/engine_fixture.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

using namespace millrace;
using namespace millrace::inference;

namespace {

std::shared_ptr<const values::Manifest> detector(const std::string& outputs, const std::string& rule,
                                                 const std::string& input = R"({"kind":"tensor","shape":[2]})") {
    auto manifest = values::Manifest::parse(
        R"({"format":1,"name":"d","task":"object_detection","input":)" + input + R"(,"outputs":[)" + outputs +
        R"(],"labels":["cat","dog"],"postprocess":{"kind":"objects")" + rule + "}}");
    REQUIRE_MESSAGE(manifest.has_value(), (manifest ? "" : manifest.error().detail));
    const auto again = values::Manifest::from_json(manifest->to_json());
    REQUIRE_MESSAGE(again.has_value(), (again ? "" : again.error().detail));
    CHECK(json::serialize(again->to_json()) == json::serialize(manifest->to_json()));
    return std::make_shared<const values::Manifest>(std::move(*manifest));
}

struct Output {
    values::Shape shape;
    std::vector<float> values;
};

frame::Objects found(const values::Manifest& manifest, const std::vector<Output>& outputs,
                     const worker::PictureGeometry* picture = nullptr) {
    std::vector<worker::OutputView> views;
    for (const auto& output : outputs)
        views.push_back({values::Datatype::fp32, output.shape, reinterpret_cast<const std::byte*>(output.values.data()),
                         output.values.size() * sizeof(float)});
    return std::get<frame::Objects>(worker::postprocess(views, manifest, picture));
}

using Numbers = std::vector<float>;
Numbers box(const frame::Object& object) { return {object.x, object.y, object.width, object.height}; }

const std::string three =
    R"({"name":"boxes","shape":[-1,4]},{"name":"scores","shape":[-1]},{"name":"labels","shape":[-1]})";
const std::string lines = R"({"name":"detections","shape":[-1,6]})";

} // namespace

TEST_CASE("boxes, scores and labels become objects, the most certain first, above the threshold") {
    const auto manifest = detector(three, R"(,"threshold":0.3,"max_objects":2)");
    const auto objects = found(*manifest, {{{4, 4}, {0, 0, 10, 10, 5, 6, 15, 26, 1, 1, 2, 2, 3, 3, 4, 4}},
                                           {{4}, {0.5F, 0.9F, 0.2F, 0.4F}},
                                           {{4}, {0, 1, 0, 0}}})
                             .objects;
    REQUIRE(objects.size() == 2);
    CHECK(objects[0].label == 1);
    CHECK(objects[0].score == 0.9F);
    CHECK(box(objects[0]) == Numbers{5, 6, 10, 20});
    CHECK(box(objects[1]) == Numbers{0, 0, 10, 10});
    CHECK(found(*manifest, {{{0, 4}, {}}, {{0}, {}}, {{0}, {}}}).objects.empty());
}

TEST_CASE("labels may be counted from 1, and what is none of them is background") {
    const auto manifest = detector(three, R"(,"first_label":1)");
    const auto objects = found(*manifest, {{{4, 4}, {0, 0, 1, 1, 0, 0, 2, 2, 0, 0, 3, 3, 0, 0, 4, 4}},
                                           {{4}, {0.9F, 0.8F, 0.7F, 0.6F}},
                                           {{4}, {0, 1, 2, 3}}})
                             .objects;
    REQUIRE(objects.size() == 2);
    CHECK(objects[0].label == 0);
    CHECK(objects[1].label == 1);
    CHECK(box(objects[1]) == Numbers{0, 0, 3, 3});
}

TEST_CASE("the four numbers of a box are two corners, corner and size, or centre and size") {
    const auto of = [](const char* format) {
        return box(found(*detector(lines, std::string{R"(,"format":")"} + format + "\""),
                         {{{1, 6}, {10, 20, 30, 50, 0.9F, 0}}})
                       .objects.at(0));
    };
    CHECK(of("xyxy") == Numbers{10, 20, 20, 30});
    CHECK(of("xywh") == Numbers{10, 20, 30, 50});
    CHECK(of("cxcywh") == Numbers{-5, -5, 30, 50});
}

TEST_CASE("one output may have the scores of all labels, in lines or in columns, with the objectness before them") {
    const auto expect = [](const frame::Objects& all) {
        REQUIRE(all.objects.size() == 2);
        CHECK(all.objects[0].label == 1);
        CHECK(all.objects[0].score == doctest::Approx(0.8));
        CHECK(box(all.objects[0]) == Numbers{1, 2, 2, 2});
        CHECK(all.objects[1].label == 0);
        CHECK(box(all.objects[1]) == Numbers{5, 6, 2, 2});
    };
    expect(found(*detector(R"({"name":"y","shape":[-1,6]})", R"(,"columns":"scores")"),
                 {{{2, 6}, {1, 2, 3, 4, 0.1F, 0.8F, 5, 6, 7, 8, 0.7F, 0.2F}}}));
    expect(found(*detector(R"({"name":"y","shape":[6,-1]})", R"(,"columns":"scores")"),
                 {{{6, 2}, {1, 5, 2, 6, 3, 7, 4, 8, 0.1F, 0.7F, 0.8F, 0.2F}}}));
    expect(found(*detector(R"({"name":"y","shape":[-1,7]})", R"(,"columns":"objectness_scores","threshold":0.3)"),
                 {{{2, 7}, {1, 2, 3, 4, 0.8F, 0.1F, 1, 5, 6, 7, 8, 0.5F, 0.7F, 0.2F}}}));
}

TEST_CASE("scores of each class give the best one, after the activation that the model has left out") {
    const std::string two = R"({"name":"boxes","shape":[-1,4]},{"name":"scores","shape":[-1,3]})";
    const Output boxes{{2, 4}, {0, 0, 1, 1, 0, 0, 2, 2}};
    const auto soft = found(*detector(two, R"(,"activation":"softmax","threshold":0.4)"),
                            {boxes, {{2, 3}, {0, std::log(2.0F), 0, 0, 0, 5}}})
                          .objects;
    REQUIRE(soft.size() == 1); // the third class of the second box is no label: background
    CHECK(soft[0].label == 1);
    CHECK(soft[0].score == doctest::Approx(0.5));
    const auto sigmoid =
        found(*detector(two, R"(,"activation":"sigmoid")"), {boxes, {{2, 3}, {std::log(3.0F), 0, 0, -1, -2, -3}}})
            .objects;
    REQUIRE(sigmoid.size() == 1);
    CHECK(sigmoid[0].score == doctest::Approx(0.75));
    CHECK_THROWS(found(*detector(two, ""), {boxes, {{2, 3}, {4, 0, 0, -1, -2, -3}}})); // logits are no probabilities
}

TEST_CASE("of overlapping boxes with one label the most certain stays") {
    const Output all{{5, 6}, {0,  0,    10, 10, 0.9F, 0,  1,  0,    11, 10, 0.8F, 0,  1,  0,     11,
                              10, 0.7F, 1,  5,  0,    15, 10, 0.6F, 0,  40, 40,   50, 50, 0.95F, 0}};
    const auto kept = found(*detector(lines, R"(,"nms":0.5)"), {all}).objects;
    REQUIRE(kept.size() == 4);
    CHECK(box(kept[0]) == Numbers{40, 40, 10, 10});
    CHECK(kept[2].label == 1);                    // another label
    CHECK(box(kept[3]) == Numbers{5, 0, 10, 10}); // a third of the union
    CHECK(found(*detector(lines, R"(,"nms":0.3)"), {all}).objects.size() == 3);
    CHECK(found(*detector(lines, ""), {all}).objects.size() == 5);
}

TEST_CASE("a hundred thousand boxes are gone through in bounds") {
    Output many{{100'000, 6}, {}};
    for (int i = 0; i < 100'000; ++i)
        for (const float v : {0.0F, 0.0F, 1.0F, 1.0F + static_cast<float>(i), 0.9F, 0.0F}) many.values.push_back(v);
    CHECK(found(*detector(lines, R"(,"nms":0.99,"max_objects":1000)"), {many}).objects.size() <= 1000);
}

TEST_CASE("boxes are given in the pixels of the picture that was sent, and end at its edges") {
    // 200x100 made 128x64, of which the middle 64x64 is taken: a pixel of the model is 1.5625 of the picture's.
    const worker::PictureGeometry picture{200, 100, 64, 64, 0.64, 0.64, -32, 0};
    const auto whole = found(*detector(lines, ""), {{{1, 6}, {0, 0, 64, 64, 0.9F, 0}}}, &picture);
    CHECK(box(whole.objects.at(0)) == Numbers{50, 0, 100, 100});
    CHECK(whole.width == 200);
    CHECK(whole.height == 100);
    const auto part =
        found(*detector(lines, R"(,"normalized":true)"), {{{1, 6}, {0.5F, 0.5F, 1, 2, 0.9F, 0}}}, &picture);
    CHECK(box(part.objects.at(0)) == Numbers{100, 50, 50, 50});
    CHECK(found(*detector(lines, ""), {{{1, 6}, {-50, 0, -40, 10, 0.9F, 0}}}, &picture).objects.empty()); // outside
    CHECK(found(*detector(lines, ""), {{{1, 6}, {5, 5, 5, 9, 0.9F, 0}}}, &picture).objects.empty());      // no area
}

TEST_CASE("a picture's tensor knows where its pixels came from") {
    const auto manifest =
        detector(lines, "",
                 R"({"kind":"image","color":"gray","shape":[1,64,64],"resize":{"shorter":64},"crop":[64,64]})");
    const auto png = worker::encode_indexed_png(200, 100, std::vector<std::uint8_t>(20'000, 0), {0x808080});
    const auto tensor = worker::image_tensor(png, manifest->inputs[0]);
    REQUIRE(tensor.pictures.size() == 1);
    const auto& picture = tensor.pictures[0];
    CHECK(picture.width == 200);
    CHECK(picture.height == 100);
    CHECK(picture.offset_x == -32);
    CHECK(picture.scale_x == 0.64);
    CHECK(picture.tensor_width == 64);
}

TEST_CASE("a detector that gives what cannot be has failed") {
    const auto manifest = detector(three, "");
    const float nan = std::nanf("");
    CHECK_THROWS(found(*manifest, {{{1, 4}, {0, 0, nan, 1}}, {{1}, {0.9F}}, {{1}, {0}}}));
    CHECK_THROWS(found(*manifest, {{{1, 4}, {0, 0, 1, 1}}, {{1}, {nan}}, {{1}, {0}}}));
    CHECK_THROWS(found(*manifest, {{{1, 4}, {0, 0, 1, 1}}, {{1}, {0.9F}}, {{1}, {0.5F}}}));
    CHECK_THROWS(found(*manifest, {{{1, 4}, {0, 0, 1, 1}}, {{2}, {0.9F, 0.8F}}, {{1}, {0}}}));
    CHECK_THROWS(found(*manifest, {{{1, 4}, {0, 0, 1, 1}}, {{1}, {0.9F}}, {{2}, {0, 1}}}));
}

TEST_CASE("objects are answered with their labels, and a worker's impossible ones are not believed") {
    const ModelVersion version{
        OrganizationId{}, "d", "2", std::string(64, '0'), "/nonexistent", detector(three, R"(,"max_objects":2)")};
    const auto answer = render({frame::Objects{{{1, 0.5F, 1.234F, 2, 3, 4}}, 20, 10}, 1, 1}, version, {});
    REQUIRE(answer.has_value());
    CHECK(json::serialize(answer->result.at("objects")) ==
          R"([{"label":"dog","confidence":5E-1,"box":[1.23E0,2E0,3E0,4E0]}])");
    CHECK(answer->result.at("width").to_number<int>() == 20);
    const auto rows =
        render({frame::Rows{{frame::Objects{}, frame::Objects{{{0, 1, 0, 0, 1, 1}}, 0, 0}}}, 1, 1}, version, {});
    REQUIRE(rows.has_value());
    CHECK(rows->result.at("rows").at(0).at("objects").as_array().empty());
    const auto refused = [&](frame::Objects objects) { return !render({std::move(objects), 1, 1}, version, {}); };
    CHECK(refused({{{2, 0.5F, 0, 0, 1, 1}}, 0, 0}));
    CHECK(refused({{{0, 1.5F, 0, 0, 1, 1}}, 0, 0}));
    CHECK(refused({{{0, 0.5F, INFINITY, 0, 1, 1}}, 0, 0}));
    CHECK(refused({std::vector<frame::Object>(3, {0, 0.5F, 0, 0, 1, 1}), 0, 0}));
}

TEST_CASE("a scripted detector finds objects in pictures that were resized for it") {
    using namespace millrace::inference::testing;
    if (!has_runtime()) return;
    Fixture f;
    // As many boxes as the picture is bright, at 0, 10, 20 … in the model's 40x40 pixels.
    const auto model = model_of("detects.pt", R"({"format":1,"name":"detects","task":"object_detection",
        "input":{"kind":"image","color":"rgb","shape":[3,40,40],"scale":1},"outputs":[{"name":"boxes","key":[1,"*","boxes"],"shape":[-1,4]},
        {"name":"scores","key":[1,"*","scores"],"shape":[-1]},{"name":"labels","key":[1,"*","labels"],"datatype":"INT64","shape":[-1]}],
        "labels":["a","b","c"],"postprocess":{"kind":"objects","first_label":1,"threshold":0.4},"batching":{"max_batch":4}})");
    const auto png = worker::encode_indexed_png(80, 20, std::vector<std::uint8_t>(1600, 0), {0x030303});
    const auto outcome = f.run(model, {"image/png", png, {}, 0});
    REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
    CHECK(
        json::serialize(outcome->result.at("objects")) ==
        R"([{"label":"a","confidence":1E0,"box":[0E0,0E0,8E0,3E0]},{"label":"b","confidence":5E-1,"box":[2E1,5E0,8E0,3E0]}])");
    const auto dark = f.run(model, {"image/png", flat_png(8, 0), {}, 0});
    REQUIRE_MESSAGE(dark.has_value(), said(dark));
    CHECK(dark->result.at("objects").as_array().empty());
}
