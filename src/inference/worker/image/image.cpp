#include "inference/worker/image/image.hpp"

#include <algorithm>

namespace millrace::inference::worker {

Image blank(int width, int height, int channels) {
    Image image{width, height, channels, {}};
    image.pixels.resize(static_cast<std::size_t>(height) * image.stride());
    return image;
}

bool is_image(std::string_view bytes) { return is_png(bytes) || is_jpeg(bytes) || is_webp(bytes) || is_tiff(bytes); }

std::string_view other_image(std::string_view bytes) {
    using namespace std::string_view_literals;
    const struct {
        std::size_t at;
        std::string_view magic, name;
    } known[] = {
        {0, "GIF87a"sv, "GIF"},
        {0, "GIF89a"sv, "GIF"},
        {4, "ftypavif"sv, "AVIF"},
        {4, "ftypavis"sv, "AVIF"},
        {4, "ftypheic"sv, "HEIC"},
        {4, "ftypheix"sv, "HEIC"},
        {4, "ftyphevc"sv, "HEIC"},
        {4, "ftypheim"sv, "HEIC"},
        {4, "ftypheis"sv, "HEIC"},
        {4, "ftypmif1"sv, "HEIF"},
        {4, "ftypmsf1"sv, "HEIF"},
        {0, "\xff\x0a"sv, "JPEG XL"},
        {0, "\0\0\0\x0cJXL "sv, "JPEG XL"},
        {0, "\0\0\0\x0cjP  "sv, "JPEG 2000"},
        {0, "\xff\x4f\xff\x51"sv, "JPEG 2000"},
        {0, "8BPS"sv, "Photoshop"},
        {0, "%PDF-"sv, "PDF"},
        {0, "<svg"sv, "SVG"},
        {0, "\0\0\1\0"sv, "ICO"},
    };
    for (const auto& each : known)
        if (bytes.size() > each.at && bytes.substr(each.at).starts_with(each.magic)) return each.name;
    // Two letters are too few to go by; the size in the header is that of the file.
    if (bytes.starts_with("BM") && bytes.size() >= 26 && bytes.substr(6, 4) == "\0\0\0\0"sv) return "BMP";
    return {};
}

InputError not_an_image(std::string_view bytes) {
    const auto name = other_image(bytes);
    if (name.empty()) return InputError{"the input is neither PNG, JPEG, WebP nor TIFF"};
    return InputError{std::string{"the input is "} + std::string{name} +
                      "; PNG, JPEG, WebP and TIFF are read, convert it first"};
}

Image decode_image(std::string_view bytes, Alpha alpha) {
    if (is_png(bytes)) return decode_png(bytes, alpha);
    if (is_jpeg(bytes)) return decode_jpeg(bytes);
    if (is_webp(bytes)) return decode_webp(bytes, alpha);
    if (is_tiff(bytes)) return decode_tiff(bytes, alpha);
    throw not_an_image(bytes);
}

namespace {

Bands planes_of(const Image& image) {
    Bands bands{image.width, image.height, image.channels, std::vector<float>(image.pixels.size()), image.has_alpha()};
    const auto channels = static_cast<std::size_t>(image.channels);
    for (std::size_t c = 0; c < channels; ++c) {
        float* to = bands.values.data() + c * bands.plane();
        for (std::size_t i = 0; i < bands.plane(); ++i) to[i] = image.pixels[i * channels + c];
    }
    return bands;
}

// value * part / 255, rounded, for both from 0 to 255.
unsigned of_255(unsigned value, unsigned part) {
    const unsigned product = value * part + 128;
    return ((product >> 8) + product) >> 8;
}

} // namespace

Bands decode_bands(std::string_view bytes, int channels) {
    auto bands = is_tiff(bytes)  ? decode_tiff_bands(bytes)
                 : is_png(bytes) ? decode_png_bands(bytes)
                                 : planes_of(decode_image(bytes, Alpha::keep));
    if (bands.alpha && bands.channels == channels + 1) {
        --bands.channels;
        bands.values.resize(bands.plane() * static_cast<std::size_t>(channels));
        bands.alpha = false;
    }
    return bands;
}

Image over(Image image, std::uint32_t background) {
    if (!image.has_alpha()) return image;
    const unsigned behind[] = {background >> 16 & 255, background >> 8 & 255, background & 255};
    const bool gray = image.channels == 2 && behind[0] == behind[1] && behind[1] == behind[2];
    Image out = blank(image.width, image.height, gray ? 1 : 3);
    const auto colors = static_cast<std::size_t>(image.channels - 1), wanted = static_cast<std::size_t>(out.channels);
    const auto* from = image.pixels.data();
    for (auto* to = out.pixels.data(); to != out.pixels.data() + out.pixels.size(); to += wanted, from += colors + 1) {
        const unsigned alpha = from[colors];
        for (std::size_t c = 0; c < wanted; ++c) {
            const unsigned color = from[colors == 1 ? 0 : c];
            const unsigned sum = color * alpha + behind[c] * (255 - alpha);
            to[c] = static_cast<std::uint8_t>((sum + 127) / 255);
        }
    }
    return out;
}

void cmyk_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb) {
    const unsigned light = 255u - cmyk[3];
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>(light - of_255(cmyk[c], light));
}

Image convert(Image image, values::ImageColor color) {
    const int wanted = color == values::ImageColor::gray ? 1 : 3;
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
