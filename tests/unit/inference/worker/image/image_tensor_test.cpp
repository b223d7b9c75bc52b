// Pictures as the model takes them: resized, cropped, in its colours, numbers and layout.
#include "inference/worker/image/image_resize.hpp"
#include "inference/worker/image/image_tensor.hpp"
#include "unit/inference/worker/png_files.hpp"

#include <cmath>
#include <cstring>

using namespace millrace::inference::worker;
using namespace millrace::inference::worker::test;
using millrace::values::ImageColor;

namespace {

std::vector<std::uint8_t> noise(std::uint32_t& state, std::size_t count) {
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < count)
        bytes.push_back(static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24));
    return bytes;
}

millrace::values::InputSpec input_of(const std::string& members) {
    const auto manifest = millrace::values::Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"image",)" + members + "}}");
    REQUIRE_MESSAGE(manifest.has_value(), (manifest ? "" : manifest.error().detail));
    return manifest->inputs.front();
}

template <class T>
std::vector<T> numbers(const TensorValue& value) {
    std::vector<T> out(value.bytes.size() / sizeof(T));
    std::memcpy(out.data(), value.bytes.data(), value.bytes.size());
    return out;
}

} // namespace

TEST_CASE("resizing and conversion give Pillow's values, to one step of 255") {
    // Image.frombytes("L", (7, 5), noise).resize(size, Image.BILINEAR) and Image.frombytes("RGB", (6, 4),
    // noise).convert("L")
    std::uint32_t state = 12345;
    const auto noise = [&](std::size_t n) {
        std::vector<std::uint8_t> bytes;
        while (bytes.size() < n)
            bytes.push_back(static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24));
        return bytes;
    };
    const Image gray{7, 5, 1, noise(35)};
    CHECK(resize(gray, 3, 4).pixels ==
          std::vector<std::uint8_t>{64, 147, 119, 149, 140, 180, 135, 130, 155, 122, 74, 110});
    // This one Pillow 13 resizes by rows first, earlier ones by columns: the roundings differ.
    const auto mixed = resize(gray, 10, 2).pixels;
    const std::vector<std::uint8_t> expected{107, 100, 110, 152, 129, 138, 180, 175, 143, 107,
                                             123, 136, 138, 111, 94,  96,  116, 149, 142, 121};
    REQUIRE(mixed.size() == expected.size());
    for (std::size_t i = 0; i < mixed.size(); ++i) CHECK(std::abs(mixed[i] - expected[i]) <= 1);
    CHECK(resize(gray, 1, 1).pixels == std::vector<std::uint8_t>{130});
    CHECK(convert(Image{6, 4, 3, noise(72)}, ImageColor::gray).pixels ==
          std::vector<std::uint8_t>{98,  99, 161, 99,  148, 149, 130, 150, 152, 98,  103, 91,
                                    183, 89, 199, 183, 190, 171, 118, 121, 71,  118, 165, 169});
}

TEST_CASE("colour becomes gray by luma, gray becomes colour by repetition") {
    const Image rgb{2, 1, 3, {255, 0, 0, 10, 20, 30}};
    CHECK(convert(rgb, ImageColor::gray).pixels == std::vector<std::uint8_t>{76, 18});
    CHECK(convert(Image{1, 1, 1, {9}}, ImageColor::rgb).pixels == std::vector<std::uint8_t>{9, 9, 9});
}

TEST_CASE("resizing counts every source pixel and keeps a flat picture flat") {
    Image stripes{16, 1, 1, {}};
    for (int x = 0; x < 16; ++x) stripes.pixels.push_back(x % 2 ? 255 : 0);
    const auto small = resize(stripes, 2, 1);
    for (const auto pixel : small.pixels) CHECK(std::abs(pixel - 128) < 8); // one sample would see 0 or 255
    const Image flat{5, 7, 3, std::vector<std::uint8_t>(5 * 7 * 3, 77)};
    for (const auto& [w, h] : {std::pair{1, 1}, std::pair{3, 11}, std::pair{50, 20}})
        CHECK(resize(flat, w, h).pixels == std::vector<std::uint8_t>(static_cast<std::size_t>(w * h * 3), 77));
}

TEST_CASE("the shorter side is resized and the middle cropped as torchvision and Pillow do it") {
    // int(size * longer / shorter), then resize(…, BILINEAR), then crop from int(round((side - crop) / 2))
    std::uint32_t state = 12345;
    const Image color{9, 7, 3, noise(state, 9 * 7 * 3)};
    auto rule = input_of(R"("color":"rgb","shape":[3,2,3],"resize":{"shorter":5},"crop":[2,3])").image;
    auto to = placement(9, 7, rule);
    CHECK(to.width == 6);
    CHECK(to.top == 2); // of 1.5: half to even
    CHECK(resize(color, to).pixels == std::vector<std::uint8_t>{121, 176, 55, 108, 172, 122, 130, 117, 144, 56, 154, 94,
                                                                127, 173, 110, 113, 173, 164});
    const Image tall{4, 11, 1, noise(state, 44)};
    rule = input_of(R"("color":"gray","shape":[1,5,5],"resize":{"shorter":6},"crop":[5,5])").image;
    to = placement(4, 11, rule);
    CHECK(to.height == 16);
    CHECK(to.left == 0); // of 0.5
    CHECK(resize(tall, to).pixels == std::vector<std::uint8_t>{149, 130, 102, 69,  58,  171, 166, 160, 162,
                                                               116, 156, 157, 169, 216, 147, 108, 107, 129,
                                                               221, 143, 128, 169, 208, 203, 134});
}

TEST_CASE("a crop is what the same part of the whole would be, and a thin picture costs no more than it") {
    std::uint32_t state = 1;
    const Image image{13, 10, 3, noise(state, 390)};
    const auto whole = resize(image, 20, 7);
    const auto part = resize(image, Placement{20, 7, 4, 2, 9, 3});
    for (int y = 0; y < 3; ++y) CHECK(std::equal(part.row(y), part.row(y) + 27, whole.row(y + 2) + 12));
    const auto cut = resize(image, Placement{13, 10, 1, 2, 3, 4});
    CHECK(std::equal(cut.row(0), cut.row(0) + 9, image.row(2) + 3));
    const Image thread{8192, 1, 1, std::vector<std::uint8_t>(8192, 50)}; // 2 million pixels wide when its height is 256
    const auto rule = input_of(R"("color":"gray","shape":[1,224,224],"resize":{"shorter":256},"crop":[224,224])").image;
    CHECK(resize(thread, placement(8192, 1, rule)).pixels == std::vector<std::uint8_t>(224 * 224, 50));
}

TEST_CASE("bands are resized as Pillow's floating-point pictures") {
    std::uint32_t state = 12345;
    (void)noise(state, 9 * 7 * 3 + 44);
    Bands bands{6, 5, 1, {}};
    for (const auto v : noise(state, 30)) bands.values.push_back(static_cast<float>(v) * 16.25F - 100);
    const auto close = [](const float* got, std::initializer_list<double> expected) {
        for (const double e : expected) CHECK(*got++ == doctest::Approx(e).epsilon(1e-6));
    };
    close(resize(bands, Placement{4, 3, 0, 0, 4, 3}).values.data(),
          {1731.3170166015625, 1543.3134765625, 2210.85302734375, 2315.15625, 1434.045166015625, 1841.37353515625,
           1764.1357421875, 2429.1318359375, 1832.0089111328125, 1836.84521484375, 1515.7142333984375,
           1861.607177734375});
    close(resize(bands, Placement{6, 8, 0, 2, 6, 1}).values.data(),
          {2161.796875, 3374.453125, 747.03125, 2336.484375, 2926.5625, 3559.296875});
}

TEST_CASE("normalising scales, shifts and divides each channel by its own numbers, in either layout") {
    const std::string numbers_of = R"("color":"rgb","scale":0.5,"mean":[1,2,3],"std":[1,2,4],)";
    const Image image{1, 2, 3, {10, 20, 30, 2, 4, 6}};
    CHECK(numbers<float>(to_tensor(image, input_of(numbers_of + R"("shape":[3,2,1])"))) ==
          std::vector<float>{4, 0, 4, 0, 3, 0});
    CHECK(numbers<float>(to_tensor(image, input_of(numbers_of + R"("layout":"hwc","shape":[2,1,3])"))) ==
          std::vector<float>{4, 4, 3, 0, 0, 0});
    CHECK(numbers<std::uint8_t>(to_tensor(image, input_of(R"("color":"rgb","datatype":"UINT8","shape":[3,2,1])"))) ==
          std::vector<std::uint8_t>{10, 2, 20, 4, 30, 6});
    CHECK(numbers<std::uint8_t>(to_tensor(
              image, input_of(R"("color":"rgb","datatype":"UINT8","layout":"hwc","shape":[2,1,3])"))) == image.pixels);
    const Bands bands{1, 2, 2, {1000, 2000, -5, 5}};
    const std::string two = R"("color":"bands","scale":0.001,"mean":[0,1],"std":[1,2],)";
    CHECK(numbers<float>(to_tensor(bands, input_of(two + R"("shape":[2,2,1])")))[1] == doctest::Approx(2));
    CHECK(numbers<float>(to_tensor(bands, input_of(two + R"("layout":"hwc","shape":[2,1,2])")))[3] ==
          doctest::Approx(-0.4975));
}

TEST_CASE("a picture is given in half precision to the models that take it") {
    const Image image{2, 1, 1, {255, 51}};
    const auto half = to_tensor(image, input_of(R"("color":"gray","datatype":"FP16","shape":[1,1,2],"scale":1)"));
    CHECK(numbers<std::uint16_t>(half) == std::vector<std::uint16_t>{0x5bf8, 0x5260});
    const auto brain = to_tensor(image, input_of(R"("color":"gray","datatype":"BF16","shape":[1,1,2],"scale":1)"));
    CHECK(numbers<std::uint16_t>(brain) == std::vector<std::uint16_t>{0x437f, 0x424c});
    const Bands bands{1, 1, 2, {0.5F, -1e6F}};
    CHECK(numbers<std::uint16_t>(to_tensor(bands, input_of(R"("color":"bands","datatype":"FP16","shape":[2,1,1])"))) ==
          std::vector<std::uint16_t>{0x3800, 0xfc00});
}

TEST_CASE("a picture of another number of bands is refused, other formats give theirs") {
    const auto png = make_png(1, 1, PNG_COLOR_TYPE_RGB, 8, {1, 2, 3});
    CHECK(numbers<float>(image_tensor(png, input_of(R"("color":"bands","shape":[3,1,1])"))) ==
          std::vector<float>{1, 2, 3});
    CHECK_THROWS_AS(image_tensor(png, input_of(R"("color":"bands","shape":[4,1,1])")), InputError);
    const auto deep = make_png(1, 1, PNG_COLOR_TYPE_GRAY, 16, {0x12, 0x34});
    CHECK(numbers<float>(image_tensor(deep, input_of(R"("color":"bands","shape":[1,1,1])"))) ==
          std::vector<float>{0x1234});
    const auto clear =
        make_png(1, 1, PNG_COLOR_TYPE_RGB_ALPHA, 8, {1, 2, 3, 4}); // its alpha is a band for who takes one
    CHECK(numbers<float>(image_tensor(clear, input_of(R"("color":"bands","shape":[4,1,1])"))) ==
          std::vector<float>{1, 2, 3, 4});
    CHECK(numbers<float>(image_tensor(clear, input_of(R"("color":"bands","shape":[3,1,1])"))) ==
          std::vector<float>{1, 2, 3});
}

TEST_CASE("transparency is dropped, or shows the background that the manifest names") {
    const auto color = make_png(3, 1, PNG_COLOR_TYPE_RGB_ALPHA, 8, {10, 20, 30, 0, 10, 20, 30, 255, 10, 20, 30, 51});
    const auto bytes = [&](const std::string& members) {
        return numbers<std::uint8_t>(image_tensor(color, input_of(R"("datatype":"UINT8",)" + members)));
    };
    using Bytes = std::vector<std::uint8_t>;
    const std::string rgb = R"("color":"rgb","layout":"hwc","shape":[1,3,3])";
    CHECK(bytes(rgb) == Bytes{10, 20, 30, 10, 20, 30, 10, 20, 30});
    CHECK(bytes(rgb + R"(,"background":"#ffffff")") == Bytes{255, 255, 255, 10, 20, 30, 206, 208, 210});
    CHECK(bytes(rgb + R"(,"background":"#ff0000")") == Bytes{255, 0, 0, 10, 20, 30, 206, 4, 6});
    CHECK(bytes(R"("color":"gray","layout":"hwc","shape":[1,3,1],"background":"#ffffff")") == Bytes{255, 18, 208});
    const auto gray = make_png(2, 1, PNG_COLOR_TYPE_GRAY_ALPHA, 8, {10, 0, 200, 255});
    CHECK(over(decode_png(gray, Alpha::keep), 0xffffff).pixels == Bytes{255, 200});
    CHECK(over(decode_png(gray, Alpha::keep), 0x0000ff).pixels == Bytes{0, 0, 255, 200, 200, 200});
}
