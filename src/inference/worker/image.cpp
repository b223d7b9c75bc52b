#include "inference/worker/image.hpp"

#include <algorithm>

namespace millrace::inference::worker {

Image blank(int width, int height, int channels) {
    Image image{width, height, channels, {}};
    image.pixels.resize(static_cast<std::size_t>(height) * image.stride());
    return image;
}

bool is_image(std::string_view bytes) { return is_png(bytes) || is_jpeg(bytes) || is_webp(bytes) || is_tiff(bytes); }

Image decode_image(std::string_view bytes) {
    if (is_png(bytes)) return decode_png(bytes);
    if (is_jpeg(bytes)) return decode_jpeg(bytes);
    if (is_webp(bytes)) return decode_webp(bytes);
    if (is_tiff(bytes)) return decode_tiff(bytes);
    throw InputError{"the input is neither PNG, JPEG, WebP nor TIFF"};
}

Bands decode_bands(std::string_view bytes) {
    if (is_tiff(bytes)) return decode_tiff_bands(bytes);
    const Image image = decode_image(bytes);
    Bands bands{image.width, image.height, image.channels, std::vector<float>(image.pixels.size())};
    const auto channels = static_cast<std::size_t>(image.channels);
    for (std::size_t c = 0; c < channels; ++c) {
        float* to = bands.values.data() + c * bands.plane();
        for (std::size_t i = 0; i < bands.plane(); ++i) to[i] = image.pixels[i * channels + c];
    }
    return bands;
}

Image convert(Image image, model::ImageColor color) {
    const int wanted = color == model::ImageColor::gray ? 1 : 3;
    if (image.channels == wanted) return image;
    Image out = blank(image.width, image.height, wanted);
    const std::size_t count = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted == 1) { // ITU-R 601-2 luma in 16-bit fixed point
            const auto* p = &image.pixels[i * 3];
            out.pixels[i] = static_cast<std::uint8_t>((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
        } else {
            std::fill_n(&out.pixels[i * 3], 3, image.pixels[i]);
        }
    }
    return out;
}

} // namespace millrace::inference::worker
