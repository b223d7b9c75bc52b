// Pictures: decoding PNG, JPEG, WebP and TIFF, colour conversion, writing maps. Pure functions of their bytes; they
// throw InputError for what is wrong with a picture. Results equal those of Pillow (open, convert) to one step of 255, so
// that a model meets the pixels that it was trained on.
#pragma once
#include "inference/worker/input_error.hpp"
#include "model/manifest.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

inline constexpr std::size_t max_image_bytes = 20u << 20;
inline constexpr std::uint32_t max_image_side = 8192;
inline constexpr std::uint64_t max_band_values = 1u << 26; // a quarter of a gigabyte as floats

struct Image {
    int width = 0, height = 0, channels = 0;   // 1 gray or 3 RGB
    std::vector<std::uint8_t> pixels;          // row-major, interleaved

    std::size_t stride() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(channels); }
    const std::uint8_t* row(int y) const { return pixels.data() + static_cast<std::size_t>(y) * stride(); }
    std::uint8_t* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * stride(); }
};
Image blank(int width, int height, int channels); // zeros

// Any number of channels, with the values that the file has.
struct Bands {
    int width = 0, height = 0, channels = 0;
    std::vector<float> values;                 // a plane each channel, row-major

    std::size_t plane() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(height); }
};

bool is_png(std::string_view bytes);
bool is_jpeg(std::string_view bytes);
bool is_webp(std::string_view bytes);
bool is_tiff(std::string_view bytes);
bool is_image(std::string_view bytes); // one of these

// The name of a format of pictures that is not read ("HEIC"); empty where it is none that is known.
std::string_view other_image(std::string_view bytes);
InputError not_an_image(std::string_view bytes); // for bytes of which is_image() is false

// The size in the header is checked before anything is reserved. Transparency is dropped, 16 bits become 8; of a file
// with several pictures the first counts.
Image decode_png(std::string_view bytes);
Image decode_jpeg(std::string_view bytes);
Image decode_webp(std::string_view bytes);
Image decode_tiff(std::string_view bytes);
Image decode_image(std::string_view bytes); // by the first bytes

// Integers of 8 to 32 bits and floating point; of the other formats the 8-bit channels.
Bands decode_tiff_bands(std::string_view bytes);
Bands decode_bands(std::string_view bytes);

Image convert(Image image, model::ImageColor color); // gray or rgb

// An indexed PNG; `pixels` holds width * height indices below colors.size() (1 to 256).
std::string encode_indexed_png(int width, int height, const std::vector<std::uint8_t>& pixels,
                               const std::vector<std::uint32_t>& colors);

} // namespace millrace::inference::worker
