#include "inference/worker/image/image_placement.hpp"
#include "inference/worker/image/image_tensor.hpp"
#include "inference/worker/loading/probe.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace millrace;
using namespace millrace::inference::worker;

namespace {

Result<values::Manifest> parse(const std::string& members) {
    return values::Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"image",)" + members + "}}");
}

values::Manifest manifest(const std::string& members) {
    auto m = parse(members);
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    auto again = values::Manifest::from_json(m->to_json());
    REQUIRE_MESSAGE(again.has_value(), (again ? "" : again.error().detail));
    CHECK(again->to_json() == m->to_json());
    return *m;
}

Placement place(int width, int height, const std::string& members) {
    return placement(width, height, manifest(members).inputs.front().image);
}

std::string sizes(const Placement& to) {
    return std::to_string(to.width) + "x" + std::to_string(to.height) + " in " + std::to_string(to.canvas_width) + "x" +
           std::to_string(to.canvas_height);
}

const std::string open_sides = R"("color":"rgb","shape":[3,-1,-1])";

// A grey PGM would be simpler, but is not read: the smallest TIFF of one strip.
std::string tiff(int width, int height) {
    std::string file{"II*\0\x08\0\0\0", 8};
    const auto put = [&](std::uint32_t number, int bytes) {
        for (int i = 0; i < bytes; ++i) file += static_cast<char>(number >> 8 * i);
    };
    const std::uint32_t entries[][2] = {{256, static_cast<std::uint32_t>(width)},
                                        {257, static_cast<std::uint32_t>(height)},
                                        {258, 8},
                                        {259, 1},
                                        {262, 1},
                                        {273, 8 + 2 + 9 * 12 + 4},
                                        {277, 1},
                                        {278, static_cast<std::uint32_t>(height)},
                                        {279, static_cast<std::uint32_t>(width * height)}};
    put(9, 2);
    for (const auto& [tag, value] : entries) put(tag, 2), put(4, 2), put(1, 4), put(value, 4);
    put(0, 4);
    for (int i = 0; i < width * height; ++i) file += static_cast<char>(i + 1);
    return file;
}

} // namespace

TEST_CASE("a picture of its own size stays so, or follows its shorter or longer side") {
    CHECK(sizes(place(640, 427, open_sides)) == "640x427 in 640x427");
    CHECK(sizes(place(640, 427, open_sides + R"(,"resize":{"shorter":300})")) == "449x300 in 449x300");
    CHECK(sizes(place(640, 427, open_sides + R"(,"resize":{"shorter":800,"max_size":1000})")) ==
          "1000x667 in 1000x667");
    CHECK(sizes(place(427, 640, open_sides + R"(,"resize":{"longer":320})")) == "213x320 in 213x320");
    CHECK(sizes(place(640, 427, open_sides + R"(,"multiple_of":32)")) == "640x427 in 640x448");
    CHECK(sizes(place(1, 640, open_sides + R"(,"resize":{"longer":4})")) == "1x4 in 1x4");
    CHECK_THROWS_WITH(place(640, 20, open_sides + R"(,"sides":[32,1000])"),
                      "the picture would be given to the model with 640 x 20 pixels; it takes sides of 32 to 1000");
    CHECK_THROWS_AS(place(8192, 1, open_sides + R"(,"resize":{"shorter":224})"), InputError);
}

TEST_CASE("a letterbox keeps the whole picture, in its middle or its corner") {
    const std::string box = R"("color":"rgb","shape":[3,40,60],"resize":{"letterbox":true)";
    auto to = place(30, 10, box + "}");
    CHECK(sizes(to) == "60x20 in 60x40");
    CHECK(to.pad_top == 10);
    to = place(30, 10, box + R"(,"enlarge":false,"centered":false})");
    CHECK(sizes(to) == "30x10 in 60x40");
    CHECK(to.pad_top == 0);
    CHECK(sizes(place(8192, 1, box + "}")) == "60x1 in 60x40");
}

TEST_CASE("how a picture lies in its tensor comes with it, cropped or filled up") {
    const auto crop = manifest(R"("color":"gray","shape":[1,4,4],"resize":{"shorter":6},"crop":[4,4])");
    const auto value = image_tensor(tiff(12, 6), crop.inputs.front());
    REQUIRE(value.pictures.size() == 1);
    const auto& lies = value.pictures.front();
    CHECK(lies.width == 12);
    CHECK(lies.offset_x == -4);
    CHECK(lies.picture_x(0) == 4);
    CHECK(lies.picture_y(0) == 1);
    const auto filled = preprocess(
        tiff(3, 2), "",
        manifest(
            R"("color":"gray","datatype":"UINT8","layout":"hwc","shape":[-1,-1,1],"multiple_of":4,"fill":"#090909")"));
    REQUIRE(filled.tensors[0].pictures.size() == 1);
    CHECK(filled.tensors[0].pictures[0].tensor_width == 4);
    CHECK(filled.tensors[0].shape == values::Shape{4, 4, 1});
    std::string bytes;
    for (const auto b : filled.tensors[0].bytes) bytes += static_cast<char>(b);
    CHECK(bytes == "\1\2\3\11\4\5\6\11\11\11\11\11\11\11\11\11");
    const auto bands = preprocess(tiff(3, 2), "", manifest(R"("color":"bands","shape":[1,-1,-1],"multiple_of":2)"));
    CHECK(bands.tensors[0].shape == values::Shape{1, 2, 4});
}

TEST_CASE("a model of open sides is tried with a size that it takes") {
    CHECK(make_probe(manifest(open_sides), 1)->tensors[0].shape == values::Shape{3, 64, 64});
    CHECK(make_probe(manifest(open_sides + R"(,"sides":[100,200],"multiple_of":32)"), 1)->tensors[0].shape ==
          values::Shape{3, 128, 128});
}

TEST_CASE("members of a picture's rule that contradict each other are refused") {
    const std::string fixed = R"("color":"rgb","shape":[3,32,32])";
    for (const std::string& wrong :
         {std::string{R"("color":"rgb","shape":[3,-1,32])"},
          fixed + R"(,"resize":{"longer":32})",
          fixed + R"(,"resize":{"shorter":32})",
          fixed + R"(,"resize":{"letterbox":false})",
          fixed + R"(,"resize":{"letterbox":true,"shorter":32})",
          fixed + R"(,"resize":{"letterbox":true},"crop":[32,32])",
          fixed + R"(,"resize":{"shorter":40,"enlarge":true},"crop":[32,32])",
          fixed + R"(,"resize":{"shorter":40,"max_size":50},"crop":[32,32])",
          fixed + R"(,"sides":[1,2])",
          fixed + R"(,"multiple_of":32)",
          fixed + R"(,"fill":"#000000")",
          fixed + R"(,"interpolation":"lanczos","antialias":false)",
          fixed + R"(,"interpolation":"cubic")",
          fixed + R"(,"background":"white")",
          open_sides + R"(,"resize":[32,32])",
          open_sides + R"(,"sides":[20,10])",
          open_sides + R"(,"resize":{"letterbox":true})",
          open_sides + R"(,"multiple_of":0)",
          open_sides + R"(,"crop":[32,32])",
          std::string{R"("color":"bands","shape":[1,-1,-1],"background":"#ffffff")"},
          std::string{R"("color":"bands","shape":[1,-1,-1],"multiple_of":2,"fill":"#ffffff")"}})
        CHECK_MESSAGE(!parse(wrong).has_value(), wrong);
}
