// Pictures as 8-bit pixels: decoding PNG and JPEG, colour conversion, resizing. Pure functions of their bytes;
// they throw InputError for what is wrong with a picture. Results equal those of Pillow (convert, resize with
// BILINEAR) to one step of 255, so that a model meets the pixels that it was trained on.
#pragma once
#include "inference/worker/input_error.hpp"
#include "model/manifest.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

inline constexpr std::size_t max_image_bytes = 20u << 20;
inline constexpr std::uint32_t max_image_side = 8192;

struct Image {
    int width = 0, height = 0, channels = 0;   // 1 gray or 3 RGB
    std::vector<std::uint8_t> pixels;          // row-major, interleaved

    const std::uint8_t* row(int y) const {
        return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width * channels);
    }
    std::uint8_t* row(int y) {
        return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width * channels);
    }
};

bool is_png(std::string_view bytes);
bool is_jpeg(std::string_view bytes);

// The size in the header is checked before anything is reserved. Transparency is dropped, 16 bits become 8.
Image decode_png(std::string_view bytes);
Image decode_jpeg(std::string_view bytes);
Image decode_image(std::string_view bytes); // by the first bytes

Image convert(Image image, model::ImageColor color);
Image resize(const Image& image, int width, int height);

// (value * scale - mean) / deviation, planes of one channel each.
std::vector<float> normalize(const Image& image, const model::ImageRule& rule);

// An indexed PNG; `pixels` holds width * height indices below colors.size() (1 to 256).
std::string encode_indexed_png(int width, int height, const std::vector<std::uint8_t>& pixels,
                               const std::vector<std::uint32_t>& colors);

} // namespace millrace::inference::worker
