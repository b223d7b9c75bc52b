#include "inference/worker/image/image_orientation.hpp"
#include "inference/worker/image/image_tensor.hpp"
#include "inference/worker/input/preprocess.hpp"
#include "unit/inference/worker/tiff_files.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <cstring>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::inference::worker;

namespace {

void put(std::string& out, std::uint64_t number, int size, bool big) {
    for (int i = 0; i < size; ++i) out += static_cast<char>(number >> 8 * (big ? size - 1 - i : i));
}

// An EXIF block whose first directory has the camera's maker (a text that is not there) and then the orientation.
std::string exif(int value, bool big = false, int type = 3, std::uint32_t entries = 2) {
    std::string out = big ? "MM" : "II";
    put(out, 42, 2, big);
    put(out, 8, 4, big);
    put(out, entries, 2, big);
    for (const bool orientation : {false, true}) {
        put(out, orientation ? 0x112 : 0x10f, 2, big);
        put(out, orientation ? static_cast<std::uint64_t>(type) : 2, 2, big);
        put(out, orientation ? 1 : 40, 4, big);
        if (!orientation) put(out, 100, 4, big);
        else if (type == 3) put(out, static_cast<std::uint64_t>(value), 2, big), put(out, 0, 2, big);
        else put(out, static_cast<std::uint64_t>(value), 4, big);
    }
    put(out, 0, 4, big);
    return out;
}
const std::string mark{"Exif\0\0", 6};

std::string segment(int marker, const std::string& content) {
    std::string out{'\xff', static_cast<char>(marker)};
    put(out, content.size() + 2, 2, true);
    return out + content;
}
std::string jpeg(const std::string& segments) { return "\xff\xd8" + segments + segment(0xda, "scan") + "\xff\xd9"; }

std::string chunk(const std::string& name, const std::string& content, bool sound = true) {
    std::string out;
    put(out, content.size(), 4, true);
    const auto named = name + content;
    const auto checksum = crc32(0, reinterpret_cast<const Bytef*>(named.data()), static_cast<uInt>(named.size()));
    out += named;
    put(out, sound ? checksum : ~checksum, 4, true);
    return out;
}
// Three pixels wide, two high, grey: 1 2 3 / 4 5 6.
std::string png(const std::string& before, const std::string& after) {
    const std::string rows{"\0\1\2\3\0\4\5\6", 8};
    std::string packed(64, '\0');
    uLongf size = packed.size();
    REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
                     rows.size()) == Z_OK);
    packed.resize(size);
    return "\x89PNG\r\n\x1a\n" + chunk("IHDR", std::string{"\0\0\0\3\0\0\0\2\10\0\0\0\0", 13}) + before +
           chunk("IDAT", packed) + after + chunk("IEND", "");
}

std::string riff(const std::string& chunks) {
    std::string out = "RIFF";
    put(out, chunks.size() + 4, 4, false);
    return out + "WEBP" + chunks;
}
std::string riff_chunk(const std::string& name, const std::string& content) {
    std::string out = name;
    put(out, content.size(), 4, false);
    return out + content + (content.size() % 2 ? std::string(1, '\0') : "");
}

const std::vector<std::uint8_t> shown[] = { // by orientation, of 1 2 3 / 4 5 6
    {1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
    {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};

values::Manifest manifest(const std::string& members) {
    auto m = values::Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"image",)" + members + "}}");
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    return *m;
}

} // namespace

TEST_CASE("the orientation of a JPEG is found in either byte order, behind other segments and fill bytes") {
    const auto jfif = segment(0xe0, std::string{"JFIF\0\1\1\0\0\1\0\1\0\0", 14});
    for (int value = 1; value <= 8; ++value)
        for (const bool big : {false, true}) {
            CHECK(orientation(jpeg(segment(0xe1, mark + exif(value, big)))) == value);
            CHECK(orientation(jpeg(jfif + segment(0xe1, "http://ns.adobe.com/xap/1.0/") + segment(0xfe, "a word") +
                                   "\xff" + segment(0xe1, mark + exif(value, big)))) == value);
        }
    CHECK(orientation(jpeg(segment(0xe1, mark + exif(6, true, 4)))) == 6); // LONG
    CHECK(orientation(jpeg(segment(0xe1, mark + exif(6)) + segment(0xe1, mark + exif(3)))) == 6);
    CHECK(orientation(jpeg(jfif)) == 1);
    CHECK(orientation("\xff\xd8" + segment(0xda, "scan") + segment(0xe1, mark + exif(6))) == 1); // behind the pixels
}

TEST_CASE("an orientation that cannot be read is as good as none") {
    const auto of = [](const std::string& block) { return orientation(jpeg(segment(0xe1, mark + block))); };
    CHECK(of(exif(0)) == 1);
    CHECK(of(exif(9)) == 1);
    CHECK(of(exif(6, false, 2)) == 1);       // text
    CHECK(of(exif(6, true, 3, 60000)) == 6); // a directory that says to be longer than it is
    CHECK(of("XX" + exif(6).substr(2)) == 1);
    CHECK(of(std::string{"II*\0\xff\xff\xff\xff", 8}) == 1);
    for (const auto& whole :
         {jpeg(segment(0xe1, mark + exif(6))), png(chunk("eXIf", exif(6)), ""), riff(riff_chunk("EXIF", exif(6)))})
        for (std::size_t n = 0; n < whole.size(); ++n) { // whatever is missing, nothing is read beyond the end
            const auto found = orientation(whole.substr(0, n));
            CHECK((found == 1 || found == 6));
        }
}

TEST_CASE("PNG, WebP and TIFF say their orientation in their own places") {
    CHECK(orientation(png(chunk("eXIf", exif(6)), "")) == 6);
    CHECK(orientation(png("", chunk("eXIf", exif(8, true)))) == 8);
    CHECK(orientation(png(chunk("eXIf", mark + exif(6)), "")) == 6);
    CHECK(orientation(png(chunk("eXIf", exif(6), false), "")) == 1); // its checksum is wrong
    CHECK(orientation(riff(riff_chunk("VP8X", std::string(10, '\0')) + riff_chunk("VP8L", "odd") +
                           riff_chunk("EXIF", exif(5)))) == 5);
    CHECK(orientation(riff(riff_chunk("VP8L", "even") + riff_chunk("EXIF", mark + exif(7)))) == 7);
    CHECK(orientation(exif(4)) == 4); // a TIFF has the same directory
    std::string big{
        "MM\0\x2b\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x01\x01\x12\0\x03\0\0\0\0\0\0\0\x01\0\x03\0\0\0\0\0\0", 44};
    CHECK(orientation(big) == 3);
}

TEST_CASE("a picture is given to the model as viewers show it, or as it is stored") {
    for (int value = 1; value <= 8; ++value) {
        const auto file = png(chunk("eXIf", exif(value)), "");
        const auto& expected = shown[value - 1];
        const std::string shape = value < 5 ? "[1,2,3]" : "[1,3,2]";
        const auto bytes_of = [&](const std::string& members) {
            const auto value_of = image_tensor(file, manifest(members).inputs.front()).bytes;
            std::vector<std::uint8_t> out;
            for (const auto b : value_of) out.push_back(std::to_integer<std::uint8_t>(b));
            return out;
        };
        CHECK(bytes_of(R"("color":"gray","datatype":"UINT8","shape":)" + shape) == expected);
        CHECK(bytes_of(R"("color":"gray","datatype":"UINT8","orientation":"as_shown","shape":)" + shape) == expected);
        CHECK(bytes_of(R"("color":"gray","datatype":"UINT8","orientation":"as_stored","shape":[1,2,3])") == shown[0]);
        const auto bands = image_tensor(file, manifest(R"("color":"bands","shape":)" + shape).inputs.front()).bytes;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            float number;
            std::memcpy(&number, bands.data() + 4 * i, 4);
            CHECK(number == expected[i]);
        }
        Image color{3, 2, 3, {}};
        for (const auto v : shown[0])
            color.pixels.insert(color.pixels.end(), {v, static_cast<std::uint8_t>(v + 10), 7});
        const auto turned = upright(color, value);
        CHECK(turned.width == (value < 5 ? 3 : 2));
        for (std::size_t i = 0; i < expected.size(); ++i) CHECK(turned.pixels[3 * i + 1] == expected[i] + 10);
    }
}

TEST_CASE("the manifest keeps the orientation that it asks for, and knows no third") {
    const auto stored = manifest(R"("color":"gray","shape":[1,2,3],"orientation":"as_stored")");
    const auto again = values::Manifest::from_json(stored.to_json());
    REQUIRE(again.has_value());
    CHECK(again->inputs.front().image.orientation == values::Orientation::as_stored);
    for (const auto* wrong : {R"("color":"gray","shape":[1,2,3],"orientation":"upright")",
                              R"("kind":"tensor","shape":[2],"orientation":"as_shown")"})
        CHECK_FALSE(values::Manifest::parse(
                        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"image",)" +
                        std::string{wrong} + "}}")
                        .has_value());
}

TEST_CASE("a picture larger than the squares that it is turned by is turned whole") {
    Image image{70, 45, 1, {}};
    for (int i = 0; i < 70 * 45; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * 31 + i / 70));
    for (int value = 2; value <= 8; ++value) {
        const int back = value == 6 ? 8 : value == 8 ? 6 : value; // the others undo themselves
        CHECK(upright(upright(image, value), back).pixels == image.pixels);
        CHECK(upright(image, value).pixels != image.pixels);
    }
}
