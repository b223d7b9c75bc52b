// Parts of a picture: what a model gets of them is what it would get of a picture that was cut out before.
#include "inference/channel.hpp"
#include "inference/frames/frame.hpp"
#include "inference/input_digest.hpp"
#include "inference/worker/image/image_region.hpp"
#include "inference/worker/input/preprocess.hpp"

#include "base/encoding.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::inference;
using namespace millrace::inference::worker;

namespace {

constexpr int width = 20, height = 12;

std::vector<std::uint32_t> grays() {
    std::vector<std::uint32_t> colors;
    for (std::uint32_t i = 0; i < 256; ++i) colors.push_back(i * 0x010101);
    return colors;
}

// Each pixel of its own shade.
std::uint8_t shade(int x, int y) { return static_cast<std::uint8_t>(x * 11 + y * 7); }

std::string picture(int left, int top, int wide, int high) {
    std::vector<std::uint8_t> pixels;
    for (int y = top; y < top + high; ++y)
        for (int x = left; x < left + wide; ++x) pixels.push_back(shade(x, y));
    return encode_indexed_png(wide, high, pixels, grays());
}

values::Manifest manifest_of(const std::string& input) {
    auto read =
        values::Manifest::parse(R"({"format":1,"name":"m","task":"tensor","input":{"name":"image","kind":"image",)" +
                                input + R"(},"output":{"shape":[2]}})");
    REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().detail));
    return *read;
}

void check_same(const std::string& input, const std::vector<Region>& regions) {
    INFO(input);
    const auto manifest = manifest_of(input);
    const auto parts = preprocess(picture(0, 0, width, height), "image/png", manifest, regions);
    REQUIRE(parts.rows == static_cast<std::int64_t>(regions.size()));
    const auto& all = parts.tensors.front();
    REQUIRE(all.pictures.size() == regions.size());
    const auto size = all.bytes.size() / regions.size();
    for (std::size_t i = 0; i < regions.size(); ++i) {
        const auto& r = regions[i];
        const auto alone = preprocess(picture(static_cast<int>(r.x), static_cast<int>(r.y), static_cast<int>(r.width),
                                              static_cast<int>(r.height)),
                                      "image/png", manifest);
        const auto& one = alone.tensors.front();
        CHECK(one.shape == all.shape);
        CHECK(std::equal(one.bytes.begin(), one.bytes.end(), all.bytes.begin() + static_cast<std::ptrdiff_t>(i * size),
                         all.bytes.begin() + static_cast<std::ptrdiff_t>((i + 1) * size)));
        CHECK(all.pictures[i].width == static_cast<int>(r.width));
        CHECK(all.pictures[i].height == static_cast<int>(r.height));
    }
}

std::string refused(const values::Manifest& manifest, const std::string& bytes, const std::string& type,
                    const Region& region) {
    try {
        (void)preprocess(bytes, type, manifest, {region});
    } catch (const InputError& e) { return e.what(); }
    return "it was taken";
}

} // namespace

TEST_CASE("a part of a picture is what the part would be as a picture") {
    const std::vector<Region> regions{{0, 0, 20, 12}, {3, 2, 9, 5}, {19, 11, 1, 1}, {0, 4, 20, 1}};
    check_same(R"("color":"gray","shape":[1,8,8])", regions);
    check_same(R"("color":"rgb","shape":[3,6,10],"resize":{"letterbox":true},"fill":"#102030")", regions);
    check_same(R"("color":"rgb","shape":[3,4,4],"resize":{"shorter":6},"crop":[4,4],"layout":"chw")",
               {{1, 1, 8, 8}, {2, 3, 16, 9}});
    check_same(R"("color":"bands","shape":[3,8,8],"scale":1)", regions);
    check_same(R"("color":"gray","shape":[1,-1,-1],"sides":[1,64])", {{5, 5, 7, 3}});
}

TEST_CASE("a picture in JSON has parts, too, in every form") {
    const auto manifest = manifest_of(R"("color":"gray","shape":[1,4,4])");
    const auto bytes = picture(0, 0, width, height);
    const auto text = base64(std::as_bytes(std::span{bytes}));
    const auto expected = preprocess(bytes, "image/png", manifest, {{2, 2, 4, 4}}).tensors.front().bytes;
    for (const auto* form :
         {R"({{"image":"{}"}})", R"(["{}"])", R"({{"image":["{}"]}})",
          R"({{"inputs":[{{"name":"image","image":"{}"}}]}})", R"({{"inputs":[{{"name":"other","data":["{}"]}}]}})"})
        CHECK(preprocess(fmt::format(fmt::runtime(form), text), "application/json", manifest, {{2, 2, 4, 4}})
                  .tensors.front()
                  .bytes == expected);
    for (const auto* other : {"[[1,2]]", R"({"data":[1,2,3]})", R"(["YQ==","YQ=="])", "{}", R"({"data":3})"})
        CHECK(refused(manifest, other, "application/json", {0, 0, 1, 1}).find("one picture only") != std::string::npos);
}

TEST_CASE("a part that does not lie within the picture, or is of none, is refused") {
    const auto manifest = manifest_of(R"("color":"gray","shape":[1,4,4])");
    const auto bytes = picture(0, 0, width, height);
    for (const auto& region : std::vector<Region>{
             {0, 0, 21, 1}, {0, 0, 1, 13}, {20, 0, 1, 1}, {0, 0, 0, 1}, {0, 0, 1, 0}, {0xffffffff, 0, 2, 1}})
        CHECK(refused(manifest, bytes, "image/png", region).find("does not lie within the picture of 20 x 12") !=
              std::string::npos);
    CHECK(refused(manifest, std::string(64, 'x'), "application/octet-stream", {0, 0, 1, 1})
              .find("parts can be taken of a picture only") != std::string::npos);
    const auto takes_text = values::Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","input":{"kind":"tensor","shape":[4]},"output":{"shape":[2]}})");
    CHECK(refused(*takes_text, bytes, "", {0, 0, 1, 1}).find("parts can be taken of a picture only") !=
          std::string::npos);
}

TEST_CASE("the parts of a picture go to the worker with it") {
    frame::Batch batch{7, 1, {}};
    auto& item = batch.items.emplace_back();
    item.media_type = "image/png";
    item.bytes = "bytes";
    item.regions = {{1, 2, 3, 4}, {5, 6, 7, 8}};
    const auto bytes = frame::encode(frame::ToWorker{batch});
    const auto read = frame::decode_to_worker(bytes);
    REQUIRE(read.has_value());
    CHECK(std::get<frame::Batch>(*read).items.front().regions == item.regions);
    CHECK_FALSE(frame::decode_to_worker(bytes.substr(0, bytes.size() - 1)).has_value());
    item.regions.assign(frame::max_regions + 1, {0, 0, 1, 1});
    CHECK_FALSE(frame::decode_to_worker(frame::encode(frame::ToWorker{batch})).has_value());
}

TEST_CASE("an input of parts has a name of its own, and its copy the same parts") {
    Input input;
    input.bytes = "picture";
    const auto whole = digest_of(input);
    input.regions = {{1, 2, 3, 4}};
    CHECK(digest_of(input) != whole);
    const auto copy = duplicate(input);
    REQUIRE(copy.has_value());
    CHECK(copy->regions == input.regions);
    CHECK(digest_of(*copy) == digest_of(input));
    Input blob;
    blob.file = sealed_memory("picture");
    blob.file_size = 7;
    blob.file_sha256 = std::string(64, 'a');
    CHECK(digest_of(blob) == blob.file_sha256);
    blob.regions = {{1, 2, 3, 4}};
    CHECK(digest_of(blob) != blob.file_sha256);
}
