// Pictures: decoding PNG, JPEG, WebP and TIFF, colour conversion, writing maps. Pure functions of their bytes; they
// throw InputError for what is wrong with a picture. Results equal those of Pillow (open, convert) to one step of 255,
// so that a model meets the pixels that it was trained on.
#pragma once
#include "inference/worker/input/input_error.hpp"
#include "values/manifest.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

inline constexpr std::size_t max_image_bytes = 20u << 20;
inline constexpr std::uint32_t max_image_side = 8192;
inline constexpr std::uint64_t max_band_values = 1u << 26; // a quarter of a gigabyte as floats

struct Image {
    int width = 0, height = 0, channels = 0; // 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha (not premultiplied)
    std::vector<std::uint8_t> pixels;        // row-major, interleaved

    std::size_t stride() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(channels); }
    bool has_alpha() const { return channels == 2 || channels == 4; }
    const std::uint8_t* row(int y) const { return pixels.data() + static_cast<std::size_t>(y) * stride(); }
    std::uint8_t* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * stride(); }
};
Image blank(int width, int height, int channels); // zeros

// Any number of channels, with the values that the file has.
struct Bands {
    int width = 0, height = 0, channels = 0;
    std::vector<float> values; // a plane each channel, row-major
    bool alpha = false;        // the last channel is how opaque a pixel is, and not a colour

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

// What becomes of a picture's transparency: a model that was trained on Pillow's convert("RGB") has seen the colours
// that lie under it; one that was trained on what viewers show has seen it over a background.
enum class Alpha { drop, keep };

// The size in the header is checked before anything is reserved. 16 bits become 8, CMYK becomes RGB; of a file with
// several pictures the first counts. Pictures are as they are stored (image_orientation.hpp). Kept, alpha is the last
// channel of those that have it.
Image decode_png(std::string_view bytes, Alpha alpha = Alpha::drop);
Image decode_jpeg(std::string_view bytes);
Image decode_webp(std::string_view bytes, Alpha alpha = Alpha::drop);
Image decode_tiff(std::string_view bytes, Alpha alpha = Alpha::drop);
Image decode_image(std::string_view bytes, Alpha alpha = Alpha::drop); // by the first bytes

// The values that the file has: of TIFF integers to 32 bits and floating point, of PNG 8 or 16 bits, of the others 8.
Bands decode_png_bands(std::string_view bytes);
Bands decode_tiff_bands(std::string_view bytes);
// As many channels as a model takes where the file has those and an alpha besides; else what there is.
Bands decode_bands(std::string_view bytes, int channels);

Image over(Image image, std::uint32_t background);    // 0xRRGGBB; the same picture where it has no alpha
Image convert(Image image, values::ImageColor color); // gray or rgb, of a picture without alpha

// A pixel of printing inks (0: none) as Pillow's convert("RGB") has it.
void cmyk_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb);

// An indexed PNG; `pixels` holds width * height indices below colors.size() (1 to 256).
std::string encode_indexed_png(int width, int height, const std::vector<std::uint8_t>& pixels,
                               const std::vector<std::uint32_t>& colors);

} // namespace millrace::inference::worker
