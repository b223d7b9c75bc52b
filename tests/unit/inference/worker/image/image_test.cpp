// Pictures as they come: which files are decoded, and which are refused.
#include "inference/worker/image/image_tensor.hpp"
#include "unit/inference/worker/png_files.hpp"

#include <cstdio>

#include <jpeglib.h>

#include <cmath>
#include <cstdlib>

using namespace millrace::inference::worker;
using namespace millrace::inference::worker::test;

namespace {

std::string make_jpeg(unsigned width, unsigned height, int components, std::uint8_t value, bool progressive = false,
                      J_COLOR_SPACE stored = JCS_UNKNOWN) {
    jpeg_compress_struct jpeg{};
    jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    unsigned char* memory = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&jpeg, &memory, &size);
    jpeg.image_width = width;
    jpeg.image_height = height;
    jpeg.input_components = components;
    jpeg.in_color_space = components == 1   ? JCS_GRAYSCALE
                          : components == 2 ? JCS_UNKNOWN
                          : components == 3 ? JCS_RGB
                                            : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    if (stored != JCS_UNKNOWN) jpeg_set_colorspace(&jpeg, stored);
    if (progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    std::vector<std::uint8_t> row(static_cast<std::size_t>(width) * static_cast<std::size_t>(components), value);
    for (unsigned y = 0; y < height; ++y) {
        JSAMPROW pointer = row.data();
        jpeg_write_scanlines(&jpeg, &pointer, 1);
    }
    jpeg_finish_compress(&jpeg);
    std::string out{reinterpret_cast<char*>(memory), size};
    jpeg_destroy_compress(&jpeg);
    std::free(memory);
    return out;
}

// A PNG header that announces any size, with its right checksum.
std::string png_header(std::uint32_t width, std::uint32_t height) {
    auto png = make_png(1, 1, PNG_COLOR_TYPE_GRAY, 8, {7});
    for (int i = 0; i < 4; ++i) {
        png[static_cast<std::size_t>(16 + i)] = static_cast<char>(width >> (24 - 8 * i));
        png[static_cast<std::size_t>(20 + i)] = static_cast<char>(height >> (24 - 8 * i));
    }
    std::uint32_t crc = ~0u;
    for (std::size_t i = 12; i < 29; ++i) {
        crc ^= static_cast<unsigned char>(png[i]);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    crc = ~crc;
    for (std::size_t i = 0; i < 4; ++i) png[29 + i] = static_cast<char>(crc >> (24 - 8 * i));
    return png;
}

std::string failure(const std::string& bytes) {
    try {
        decode_image(bytes);
        return "decoded";
    } catch (const InputError& e) { return e.what(); }
}

} // namespace

TEST_CASE("PNG of every pixel format becomes 8-bit gray or RGB") {
    CHECK(decode_png(make_png(2, 1, PNG_COLOR_TYPE_GRAY, 8, {10, 200})).pixels == std::vector<std::uint8_t>{10, 200});
    CHECK(decode_png(make_png(2, 1, PNG_COLOR_TYPE_GRAY, 16, {0x12, 0x34, 0xff, 0xff})).pixels ==
          std::vector<std::uint8_t>{0x12, 255});
    CHECK(decode_png(make_png(8, 1, PNG_COLOR_TYPE_GRAY, 1, {0b10100000})).pixels ==
          std::vector<std::uint8_t>{255, 0, 255, 0, 0, 0, 0, 0});
    CHECK(decode_png(make_png(2, 1, PNG_COLOR_TYPE_GRAY_ALPHA, 8, {10, 0, 200, 255})).pixels ==
          std::vector<std::uint8_t>{10, 200});
    CHECK(decode_png(make_png(1, 1, PNG_COLOR_TYPE_RGB, 8, {1, 2, 3})).pixels == std::vector<std::uint8_t>{1, 2, 3});
    CHECK(decode_png(make_png(1, 1, PNG_COLOR_TYPE_RGB_ALPHA, 8, {1, 2, 3, 128})).pixels ==
          std::vector<std::uint8_t>{1, 2, 3});
    CHECK(decode_png(make_png(1, 1, PNG_COLOR_TYPE_RGB, 16, {1, 0, 2, 0, 3, 0})).pixels ==
          std::vector<std::uint8_t>{1, 2, 3});
    CHECK(decode_png(make_png(2, 1, PNG_COLOR_TYPE_PALETTE, 8, {1, 0})).pixels ==
          std::vector<std::uint8_t>{0, 255, 0, 255, 0, 0});
    CHECK(decode_png(make_png(2, 2, PNG_COLOR_TYPE_GRAY, 8, {1, 2, 3, 4}, PNG_INTERLACE_ADAM7)).pixels ==
          std::vector<std::uint8_t>{1, 2, 3, 4});
}

TEST_CASE("JPEG of gray, of colour and of printing inks is decoded") {
    const auto gray = decode_jpeg(make_jpeg(16, 8, 1, 100));
    CHECK(gray.channels == 1);
    CHECK(std::abs(gray.pixels[0] - 100) <= 1);
    const auto color = decode_jpeg(make_jpeg(16, 8, 3, 50, true));
    CHECK(color.channels == 3);
    CHECK(color.width == 16);
    CHECK(std::abs(color.pixels[5] - 50) <= 2);
    CHECK(decode_jpeg(make_jpeg(8, 8, 4, 255)).pixels == std::vector<std::uint8_t>(8 * 8 * 3, 255)); // inverted: no ink
    CHECK(std::abs(decode_jpeg(make_jpeg(8, 8, 4, 100)).pixels[0] - 39) <= 1);                       // 100 * 100 / 255
    CHECK(std::abs(decode_jpeg(make_jpeg(8, 8, 4, 100, false, JCS_YCCK)).pixels[0] - 39) <= 2);
    CHECK(failure(make_jpeg(8, 8, 2, 50)).find("grey nor of colours") != std::string::npos);
}

TEST_CASE("a truncated or damaged picture is refused") {
    const auto png = make_png(64, 64, PNG_COLOR_TYPE_RGB, 8, std::vector<std::uint8_t>(64 * 64 * 3, 9));
    const auto jpeg = make_jpeg(64, 64, 3, 80);
    for (const auto& good : {png, jpeg}) {
        CHECK(failure(good) == "decoded");
        for (const double part : {0.1, 0.5, 0.9}) { // of all but the end of the file
            const auto length = static_cast<std::size_t>(static_cast<double>(good.size() - 16) * part);
            CHECK(failure(good.substr(0, length)) != "decoded");
        }
        for (std::size_t i = 8; i < good.size(); i += 3) { // whatever comes of it, it comes as a value
            auto bad = good;
            bad[i] = static_cast<char>(~bad[i]);
            (void)failure(bad);
        }
    }
    CHECK(failure("") != "decoded");
    CHECK(failure("B") == "the input is neither PNG, JPEG, WebP nor TIFF");
    CHECK(failure("\x89PNG\r\n\x1a\n") != "decoded");
    CHECK(failure("\xff\xd8\xff") != "decoded");
}

TEST_CASE("a picture is refused by the size in its header, before memory is reserved for it") {
    CHECK(failure(png_header(8193, 1)) != "decoded");
    CHECK(failure(png_header(0xffffffff, 0xffffffff)) != "decoded");
    CHECK(failure(png_header(0, 1)) != "decoded");
    CHECK(failure(png_header(1, 1)) == "decoded");
    auto jpeg = make_jpeg(16, 16, 1, 9);
    const auto frame = jpeg.find("\xff\xc0");
    REQUIRE(frame != std::string::npos);
    jpeg[frame + 7] = '\x7f'; // width 0x7f10
    CHECK(failure(jpeg).find("8192") != std::string::npos);
    CHECK(failure(make_png(1, 1, PNG_COLOR_TYPE_GRAY, 8, {7}) + std::string(max_image_bytes, 'x')).find("20 MiB") !=
          std::string::npos);
}

TEST_CASE("a picture is whole without its end, and with more behind it") {
    const auto png = make_png(2, 1, PNG_COLOR_TYPE_GRAY, 8, {10, 200});
    const std::vector<std::uint8_t> pixels{10, 200};
    CHECK(decode_png(png.substr(0, png.size() - 12)).pixels == pixels);
    CHECK(decode_png(png.substr(0, png.size() - 5)).pixels == pixels);
    CHECK(decode_png(png + "more").pixels == pixels);
    CHECK(failure(png.substr(0, png.size() - 13)) != "decoded"); // the checksum of the pixels is cut
}
