// The pictures of tests/data/pictures against what Pillow and OpenCV see in them (make.py there).
#include "base/encoding.hpp"
#include "base/json.hpp"
#include "inference/worker/image/image_orientation.hpp"
#include "inference/worker/image/image_resize.hpp"
#include "inference/worker/image/image_tensor.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace millrace;
using namespace millrace::inference::worker;

namespace {

const auto folder = std::filesystem::path{MILLRACE_SOURCE_DIR} / "tests/data/pictures";

std::string file(const std::string& name) {
    std::ifstream in{folder / name, std::ios::binary};
    REQUIRE_MESSAGE(in.good(), name);
    return {std::istreambuf_iterator<char>{in}, {}};
}

const json::object& expected() {
    static const auto parsed = parse_json(file("expected.json"));
    REQUIRE(parsed.has_value());
    return parsed->as_object();
}

// The largest distance between a picture's values and the expected ones; 999 where the sizes differ.
int distance(const Image& image, const json::object& wanted, std::string_view values) {
    const auto bytes = from_base64(std::string_view{wanted.at(values).as_string()});
    REQUIRE(bytes.has_value());
    const auto& size = wanted.at("size").as_array();
    if (image.width != size[0].to_number<int>() || image.height != size[1].to_number<int>() ||
        image.pixels.size() != bytes->size())
        return 999;
    int most = 0;
    for (std::size_t i = 0; i < bytes->size(); ++i)
        most = std::max(most, std::abs(image.pixels[i] - std::to_integer<int>((*bytes)[i])));
    return most;
}

values::ImageRule rule_of(const std::string& members) {
    const auto m = values::Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"image","color":"rgb",)" +
        members + "}}");
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    return m->inputs.front().image;
}

} // namespace

TEST_CASE("every file of the collection is seen as Pillow sees it") {
    for (const auto& [name, value] : expected().at("files").as_object()) {
        const std::string title{name};
        INFO(title);
        const auto bytes = file(title);
        const auto& wanted = value.as_object();
        const int about = wanted.at("about").to_number<int>();
        const auto seen = convert(upright(decode_image(bytes), orientation(bytes)), values::ImageColor::rgb);
        CHECK(distance(seen, wanted, "rgb") <= about);
        const auto kept = decode_image(bytes, Alpha::keep);
        CHECK(kept.has_alpha() == wanted.contains("over_white"));
        if (kept.has_alpha())
            CHECK(distance(convert(over(kept, 0xffffff), values::ImageColor::rgb), wanted, "over_white") <= about);
    }
}

TEST_CASE("a file of the collection that ends early is refused, or whole because only its end is missing") {
    for (const auto& [name, value] : expected().at("files").as_object()) {
        const std::string title{name};
        INFO(title);
        const auto bytes = file(title);
        const auto whole = decode_image(bytes).pixels;
        for (std::size_t n = 0; n < bytes.size(); n += 1 + bytes.size() / 97) {
            try {
                const auto cut = decode_image(std::string_view{bytes}.substr(0, n)).pixels;
                CHECK(cut == whole);
            } catch (const InputError&) {}
            auto bad = bytes;
            bad[n] = static_cast<char>(bad[n] ^ 0x5a);
            try {
                (void)decode_image(bad, Alpha::keep);
                (void)decode_bands(bad, 3);
            } catch (const InputError&) {}
        }
    }
}

TEST_CASE("pictures are resized by each filter of Pillow, and without averaging by those of OpenCV") {
    const auto noise = decode_image(file("noise.png"));
    for (const auto& value : expected().at("resized").as_array()) {
        const auto& wanted = value.as_object();
        const std::string name{wanted.at("interpolation").as_string()};
        const auto& size = wanted.at("size").as_array();
        const int width = size[0].to_number<int>(), height = size[1].to_number<int>();
        const auto shape = std::to_string(height) + "," + std::to_string(width);
        const auto rule = rule_of(R"("shape":[3,)" + shape + R"(],"interpolation":")" + name + R"(","antialias":)" +
                                  (wanted.at("antialias").as_bool() ? "true" : "false"));
        INFO(name, " ", shape, " ", rule.antialias);
        CHECK(distance(resize(noise, placement(noise.width, noise.height, rule)), wanted, "rgb") <=
              (name == "nearest" ? 0 : 1));
    }
}

TEST_CASE("a letterbox lies where the YOLO family lays it, and says how to get back") {
    const auto noise = decode_image(file("noise.png"));
    const auto& wanted = expected().at("letterbox").as_object();
    const auto rule = rule_of(R"("shape":[3,40,40],"resize":{"letterbox":true},"antialias":false)");
    const auto to = placement(noise.width, noise.height, rule);
    const std::uint8_t fill[] = {114, 114, 114};
    CHECK(distance(pad(resize(noise, to), to, fill), wanted, "rgb") <= 1);
    const auto found = geometry(noise.width, noise.height, to);
    CHECK(found.width == 23);
    CHECK(found.scale_x == doctest::Approx(wanted.at("ratio").as_array()[0].to_number<double>()));
    CHECK(found.scale_y == doctest::Approx(wanted.at("ratio").as_array()[1].to_number<double>()));
    CHECK(found.offset_x == wanted.at("offset").as_array()[0].to_number<double>());
    CHECK(found.offset_y == wanted.at("offset").as_array()[1].to_number<double>());
    CHECK(found.picture_x(found.offset_x + 23 * found.scale_x) == doctest::Approx(23));
    CHECK(found.picture_y(found.offset_y) == doctest::Approx(0));
}
