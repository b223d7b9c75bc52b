// PNG files of every kind, as a client might send them.
#pragma once
#include <doctest/doctest.h>
#include <png.h>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::inference::worker::test {

// Any PNG that libpng can write: colour type, depth and interlacing, from raw rows.
inline std::string make_png(std::uint32_t width, std::uint32_t height, int type, int depth,
                            const std::vector<std::uint8_t>& rows, int interlace = PNG_INTERLACE_NONE) {
    std::string out;
    auto* png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
    auto* info = png_create_info_struct(png);
    png_set_write_fn(
        png, &out,
        [](png_structp p, png_bytep from, png_size_t n) {
            static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(from), n);
        },
        nullptr);
    png_set_IHDR(png, info, width, height, depth, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        const png_color palette[] = {{255, 0, 0}, {0, 255, 0}};
        png_set_PLTE(png, info, palette, 2);
    }
    png_write_info(png, info);
    const auto stride = png_get_rowbytes(png, info);
    REQUIRE(rows.size() == stride * height);
    std::vector<png_bytep> pointers;
    for (std::uint32_t y = 0; y < height; ++y) pointers.push_back(const_cast<png_bytep>(rows.data()) + y * stride);
    png_write_image(png, pointers.data());
    png_write_end(png, nullptr);
    png_destroy_write_struct(&png, &info);
    return out;
}

} // namespace millrace::inference::worker::test
