#include "inference/worker/image/image_tiff_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace millrace::inference::worker {
namespace {

// What of a pixel's samples is its colour: 1 gray or a place in a palette, 3 RGB, 4 CMYK.
int color_samples(const TiffLayout& layout) {
    const int colors = layout.samples - layout.extras;
    const bool gray = layout.photometric == PHOTOMETRIC_MINISBLACK || layout.photometric == PHOTOMETRIC_MINISWHITE;
    if (gray && colors == 1 && layout.extras <= 1) return 1;
    if (layout.photometric == PHOTOMETRIC_RGB && colors == 3 && layout.extras <= 3) return 3;
    if (layout.photometric == PHOTOMETRIC_SEPARATED && colors == 4 && layout.extras <= 2) return 4;
    if (layout.photometric == PHOTOMETRIC_PALETTE && colors == 1 && layout.extras <= 1 && layout.bits <= 8) return 1;
    if (layout.photometric == PHOTOMETRIC_CIELAB || layout.photometric == PHOTOMETRIC_ICCLAB ||
        layout.photometric == PHOTOMETRIC_ITULAB)
        throw InputError{"the TIFF has the colours of CIE L*a*b*; convert it to RGB first"};
    throw InputError{
        fmt::format("the TIFF has {} samples a pixel that are neither gray, RGB nor CMYK, nor a palette of at most "
                    "8 bits; only a model of color \"bands\" takes it",
                    layout.samples)};
}

// Each sample as 8 bits into `image`, which has that many channels; those behind them are left out. Fewer bits are
// stretched to 8, places in a palette are not.
void read_bytes(TIFF* tiff, const TiffLayout& layout, const TiffSource& source, Image& image) {
    const auto channels = static_cast<std::size_t>(image.channels);
    const auto put = [&, to = image.pixels.data()](std::size_t sample, std::size_t pixel, unsigned value) {
        if (sample < channels) to[pixel * channels + sample] = static_cast<std::uint8_t>(value);
    };
    const unsigned step =
        layout.photometric == PHOTOMETRIC_PALETTE ? 1 : 255u / ((1u << std::min<unsigned>(layout.bits, 8)) - 1);
    if (layout.bits < 8)
        each_small_value(tiff, layout, source, [&](std::size_t sample, std::size_t pixel, unsigned value) {
            put(sample, pixel, value * step);
        });
    else if (layout.bits == 8) each_value<std::uint8_t>(tiff, layout, source, put);
    else
        each_value<std::uint16_t>(
            tiff, layout, source, [&](std::size_t sample, std::size_t pixel, std::uint16_t value) {
                put(sample, pixel, (value * 255u + 32895u) >> 16); // rounded, as for a PNG of 16 bits
            });
}

// Places in the palette become colours; a second channel stays behind them.
Image apply_palette(TIFF* tiff, const Image& places, unsigned size) {
    std::uint16_t* maps[3] = {};
    if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &maps[0], &maps[1], &maps[2]))
        throw InputError{"the TIFF has no palette"};
    // Some programs write the palette's 8 bits as if its numbers had no 16.
    const bool small = std::all_of(std::begin(maps), std::end(maps), [&](const std::uint16_t* map) {
        return std::all_of(map, map + size, [](std::uint16_t v) { return v < 256; });
    });
    Image image = blank(places.width, places.height, places.channels + 2);
    const auto* from = places.pixels.data();
    for (auto* to = image.pixels.data(); to != image.pixels.data() + image.pixels.size(); from += places.channels) {
        for (const auto* map : maps) *to++ = static_cast<std::uint8_t>(small ? map[from[0]] : map[from[0]] >> 8);
        if (places.has_alpha()) *to++ = from[1];
    }
    return image;
}

// Colours that were multiplied with their alpha get their own brightness back.
void divide_by_alpha(Image& image) {
    const auto channels = static_cast<std::size_t>(image.channels);
    for (auto* pixel = image.pixels.data(); pixel != image.pixels.data() + image.pixels.size(); pixel += channels) {
        const unsigned alpha = pixel[channels - 1];
        if (alpha == 255) continue;
        for (std::size_t c = 0; c + 1 < channels; ++c)
            pixel[c] = static_cast<std::uint8_t>(alpha == 0 ? 0 : std::min(255u, pixel[c] * 255u / alpha));
    }
}

Image drop_alpha(const Image& image) {
    Image out = blank(image.width, image.height, image.channels - 1);
    const auto* from = image.pixels.data();
    for (auto* to = out.pixels.data(); to != out.pixels.data() + out.pixels.size();
         to += out.channels, from += image.channels)
        std::copy_n(from, out.channels, to);
    return out;
}

Image from_inks(const Image& inks) {
    Image image = blank(inks.width, inks.height, 3);
    for (std::size_t i = 0; i < inks.pixels.size() / 4; ++i) cmyk_to_rgb(&inks.pixels[4 * i], &image.pixels[3 * i]);
    return image;
}

// Luminance and colour differences, as scanners write them uncompressed: the differences of several pixels are stored
// once. libtiff's own conversion.
Image read_differences(TIFF* tiff, const TiffLayout& layout, const TiffSource& source) {
    TIFFRGBAImage reader;
    char message[1024] = "";
    if (!TIFFRGBAImageBegin(&reader, tiff, 1, message))
        throw InputError{fmt::format("the TIFF cannot be decoded: {:.200}", message)};
    const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> end{&reader, TIFFRGBAImageEnd};
    reader.req_orientation = reader.orientation; // as it is stored
    std::vector<std::uint32_t> raster(std::size_t{layout.width} * layout.height);
    if (!TIFFRGBAImageGet(&reader, raster.data(), layout.width, layout.height)) throw broken_tiff(source);
    Image image = blank(static_cast<int>(layout.width), static_cast<int>(layout.height), 3);
    auto* to = image.pixels.data();
    for (const auto pixel : raster)
        for (const auto value : {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel)})
            *to++ = static_cast<std::uint8_t>(value);
    return image;
}

template <class From>
void read_floats(TIFF* tiff, const TiffLayout& layout, const TiffSource& source, Bands& bands) {
    const auto plane = bands.plane();
    each_value<From>(tiff, layout, source,
                     [&, to = bands.values.data()](std::size_t sample, std::size_t pixel, From value) {
                         to[sample * plane + pixel] = static_cast<float>(value);
                     });
}

} // namespace

bool is_tiff(std::string_view bytes) {
    using namespace std::string_view_literals;
    for (const auto magic : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv}) // the second two: BigTIFF
        if (bytes.starts_with(magic)) return true;
    return false;
}

Image decode_tiff(std::string_view bytes, Alpha alpha) {
    if (bytes.size() > max_image_bytes) throw InputError{"the image is larger than 20 MiB"};
    TiffSource source{bytes};
    const auto file = open_tiff(source);
    auto* tiff = file.get();
    const auto layout = read_tiff_layout(tiff);
    if (layout.format != SAMPLEFORMAT_UINT || layout.bits > 16)
        throw InputError{
            "the TIFF has samples that are not unsigned of at most 16 bits; only a model of color \"bands\" takes it"};
    if (layout.photometric == PHOTOMETRIC_YCBCR && layout.bits == 8) return read_differences(tiff, layout, source);
    const int colors = color_samples(layout);
    const bool multiplied = layout.first_extra == EXTRASAMPLE_ASSOCALPHA;
    const bool has_alpha =
        layout.extras > 0 && colors != 4 && (multiplied || layout.first_extra == EXTRASAMPLE_UNASSALPHA);
    const bool with_alpha = has_alpha && (multiplied || alpha == Alpha::keep);
    Image image =
        blank(static_cast<int>(layout.width), static_cast<int>(layout.height), with_alpha ? colors + 1 : colors);
    read_bytes(tiff, layout, source, image);
    if (layout.photometric == PHOTOMETRIC_MINISWHITE)
        for (std::size_t i = 0; i < image.pixels.size(); i += static_cast<std::size_t>(image.channels))
            image.pixels[i] ^= 255;
    if (layout.photometric == PHOTOMETRIC_PALETTE) image = apply_palette(tiff, image, 1u << layout.bits);
    if (colors == 4) return from_inks(image);
    if (with_alpha && multiplied) divide_by_alpha(image);
    return with_alpha && alpha == Alpha::drop ? drop_alpha(image) : image;
}

Bands decode_tiff_bands(std::string_view bytes) {
    TiffSource source{bytes};
    const auto file = open_tiff(source);
    auto* tiff = file.get();
    const auto layout = read_tiff_layout(tiff);
    const auto count = std::uint64_t{layout.width} * layout.height * layout.samples;
    if (count > max_band_values) throw InputError{fmt::format("the TIFF has more than {} values", max_band_values)};
    if (layout.photometric == PHOTOMETRIC_YCBCR)
        throw InputError{"the TIFF has colour differences, which are no bands; convert it to RGB first"};
    Bands bands{static_cast<int>(layout.width), static_cast<int>(layout.height), layout.samples,
                std::vector<float>(count)};
    const auto form = layout.format * 100 + layout.bits;
    if (form == SAMPLEFORMAT_UINT * 100 + 8) read_floats<std::uint8_t>(tiff, layout, source, bands);
    else if (form == SAMPLEFORMAT_UINT * 100 + 16) read_floats<std::uint16_t>(tiff, layout, source, bands);
    else if (form == SAMPLEFORMAT_UINT * 100 + 32) read_floats<std::uint32_t>(tiff, layout, source, bands);
    else if (form == SAMPLEFORMAT_INT * 100 + 8) read_floats<std::int8_t>(tiff, layout, source, bands);
    else if (form == SAMPLEFORMAT_INT * 100 + 16) read_floats<std::int16_t>(tiff, layout, source, bands);
    else if (form == SAMPLEFORMAT_INT * 100 + 32) read_floats<std::int32_t>(tiff, layout, source, bands);
    else if (form == SAMPLEFORMAT_IEEEFP * 100 + 32) read_floats<float>(tiff, layout, source, bands);
    else if (form == SAMPLEFORMAT_IEEEFP * 100 + 64) read_floats<double>(tiff, layout, source, bands);
    else if (layout.format == SAMPLEFORMAT_UINT && layout.bits < 8)
        each_small_value(tiff, layout, source,
                         [&, plane = bands.plane()](std::size_t sample, std::size_t pixel, unsigned value) {
                             bands.values[sample * plane + pixel] = static_cast<float>(value);
                         });
    else
        throw InputError{"the TIFF has samples of an unusual form (unsigned integers to 32 bits, signed ones of 8 to "
                         "32 and floats of 32 and 64 are read)"};
    return bands;
}

} // namespace millrace::inference::worker
