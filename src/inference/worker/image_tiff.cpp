#include "inference/worker/image.hpp"
#include "inference/worker/image_tiff_codecs.hpp"

#include <tiffio.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

namespace millrace::inference::worker {
namespace {

// libtiff reads from memory through these; what it complains of is kept, and printed nowhere.
struct Source {
    std::string_view bytes;
    std::uint64_t at = 0;
    char message[256] = "broken data";
};

tmsize_t read_bytes(thandle_t handle, void* to, tmsize_t wanted) {
    auto& source = *static_cast<Source*>(handle);
    if (wanted <= 0 || source.at >= source.bytes.size()) return 0;
    const auto count = std::min<std::uint64_t>(static_cast<std::uint64_t>(wanted), source.bytes.size() - source.at);
    std::memcpy(to, source.bytes.data() + source.at, count);
    source.at += count;
    return static_cast<tmsize_t>(count);
}
tmsize_t write_bytes(thandle_t, void*, tmsize_t) { return 0; }
toff_t seek(thandle_t handle, toff_t offset, int whence) {
    auto& source = *static_cast<Source*>(handle);
    const std::uint64_t from = whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.bytes.size() : 0;
    return source.at = from + offset;
}
int close_source(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return static_cast<Source*>(handle)->bytes.size(); }

int keep_message(TIFF*, void* user, const char*, const char* format, va_list values) {
    auto& source = *static_cast<Source*>(user);
    std::vsnprintf(source.message, sizeof source.message, format, values);
    return 1; // nobody else is to be told
}
int ignore_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

struct Close {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using File = std::unique_ptr<TIFF, Close>;

InputError broken(const Source& source) {
    return InputError{fmt::format("the TIFF cannot be decoded: {:.200}", source.message)};
}

File open(Source& source) {
    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options{TIFFOpenOptionsAlloc(),
                                                                                  TIFFOpenOptionsFree};
    if (!options) throw std::bad_alloc{};
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), 512 << 20);
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_message, &source);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore_warning, nullptr);
    File file{TIFFClientOpenExt("", "rm", &source, read_bytes, write_bytes, seek, close_source, size_of, nullptr,
                                nullptr, options.get())};
    if (!file) throw broken(source);
    return file;
}

struct Layout {
    std::uint32_t width = 0, height = 0;
    std::uint16_t samples = 1, bits = 1, format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG, photometric = 0,
                  extras = 0;
    bool tiled = false;
    std::uint32_t chunk_width = 0, chunk_height = 0; // of a tile or strip
    std::size_t chunk_bytes = 0;

    bool separate() const { return planar == PLANARCONFIG_SEPARATE; }
    std::size_t samples_a_pixel() const { return separate() ? 1 : samples; }
};

// Private methods that are not in libtiff's table open well and fail at the first strip.
void check_compression(TIFF* tiff) {
    std::uint16_t compression = COMPRESSION_NONE;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    if (!TIFFIsCODECConfigured(compression))
        throw InputError{fmt::format("the TIFF is compressed by method {}; {} are read", compression, tiff_compressions)};
}

Layout read_layout(TIFF* tiff) {
    check_compression(tiff);
    Layout layout;
    std::uint16_t* kinds = nullptr;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &layout.width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &layout.height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &layout.samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &layout.bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &layout.format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &layout.planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PHOTOMETRIC, &layout.photometric);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &layout.extras, &kinds);
    if (layout.width < 1 || layout.height < 1 || layout.width > max_image_side || layout.height > max_image_side)
        throw InputError{"the TIFF has a side of 0 or of more than 8192 pixels"};
    if (layout.samples < 1 || layout.samples > 512 ||
        std::uint64_t{layout.width} * layout.height * layout.samples > 4 * max_band_values)
        throw InputError{"the TIFF has too many samples"};
    if (layout.bits != 8 && layout.bits != 16 && layout.bits != 32 && layout.bits != 64)
        throw InputError{fmt::format("the TIFF has {} bits a sample; 8, 16, 32 and 64 are read", layout.bits)};
    layout.tiled = TIFFIsTiled(tiff) != 0;
    layout.chunk_width = layout.width;
    if (layout.tiled) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &layout.chunk_width);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &layout.chunk_height);
        if (layout.chunk_width < 16 || layout.chunk_height < 16 || layout.chunk_width > max_image_side ||
            layout.chunk_height > max_image_side)
            throw InputError{"the TIFF has tiles of an unacceptable size"};
    } else {
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &layout.chunk_height);
        layout.chunk_height = std::clamp<std::uint32_t>(layout.chunk_height, 1, layout.height);
    }
    layout.chunk_bytes = std::size_t{layout.chunk_width} * layout.chunk_height * layout.samples_a_pixel() * layout.bits / 8;
    if (layout.chunk_bytes > (std::size_t{1} << 29)) throw InputError{"the TIFF has strips or tiles that are too large"};
    return layout;
}

// A strip or tile, decoded: rows of chunk_width pixels, of which width x height at (left, top) belong to the picture.
struct Chunk {
    const std::byte* data;
    std::uint32_t left, top, width, height;
    std::uint16_t sample; // the one that it holds, when they are separate
};

template <class Visit>
void each_chunk(TIFF* tiff, const Layout& layout, const Source& source, Visit visit) {
    std::vector<std::byte> buffer(layout.chunk_bytes);
    const std::uint16_t planes = layout.separate() ? layout.samples : std::uint16_t{1};
    const std::uint32_t strips = (layout.height + layout.chunk_height - 1) / layout.chunk_height;
    for (std::uint16_t plane = 0; plane < planes; ++plane)
        for (std::uint32_t top = 0; top < layout.height; top += layout.chunk_height)
            for (std::uint32_t left = 0; left < layout.width; left += layout.chunk_width) {
                const Chunk chunk{buffer.data(), left, top, std::min(layout.chunk_width, layout.width - left),
                                  std::min(layout.chunk_height, layout.height - top), plane};
                auto wanted = static_cast<tmsize_t>(layout.chunk_bytes);
                tmsize_t got = 0;
                if (layout.tiled) {
                    got = TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, left, top, 0, plane), buffer.data(), wanted);
                } else {
                    wanted = wanted / layout.chunk_height * chunk.height;
                    got = TIFFReadEncodedStrip(tiff, plane * strips + top / layout.chunk_height, buffer.data(), wanted);
                }
                if (got != wanted) throw broken(source);
                visit(chunk);
            }
}

// Calls put(sample, pixel, value) for each value of the picture, as T.
template <class T, class Put>
void each_value(TIFF* tiff, const Layout& layout, const Source& source, Put put) {
    const auto step = layout.samples_a_pixel();
    each_chunk(tiff, layout, source, [&](const Chunk& chunk) {
        for (std::uint32_t y = 0; y < chunk.height; ++y) {
            const auto* from = chunk.data + std::size_t{y} * layout.chunk_width * step * sizeof(T);
            std::size_t pixel = std::size_t{chunk.top + y} * layout.width + chunk.left;
            for (std::uint32_t x = 0; x < chunk.width; ++x, ++pixel)
                for (std::size_t s = 0; s < step; ++s, from += sizeof(T)) {
                    T value;
                    std::memcpy(&value, from, sizeof value);
                    put(chunk.sample + s, pixel, value);
                }
        }
    });
}

int color_samples(const Layout& layout) {
    const int colors = layout.samples - layout.extras;
    const bool gray = layout.photometric == PHOTOMETRIC_MINISBLACK || layout.photometric == PHOTOMETRIC_MINISWHITE;
    if (layout.extras <= 1 && gray && colors == 1) return 1;
    if (layout.extras <= 1 && layout.photometric == PHOTOMETRIC_RGB && colors == 3) return 3;
    if (layout.extras == 0 && layout.photometric == PHOTOMETRIC_PALETTE && colors == 1 && layout.bits == 8) return 1;
    throw InputError{fmt::format("the TIFF has {} samples a pixel that are neither gray nor RGB nor a palette of 8 bits; "
                                 "only a model of color \"bands\" takes it", layout.samples)};
}

Image apply_palette(TIFF* tiff, const Image& places) {
    std::uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
    if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue)) throw InputError{"the TIFF has no palette"};
    Image image = blank(places.width, places.height, 3);
    auto* to = image.pixels.data();
    for (const auto place : places.pixels)
        for (const auto* color : {red, green, blue}) *to++ = static_cast<std::uint8_t>(color[place] >> 8);
    return image;
}

template <class From>
void read_floats(TIFF* tiff, const Layout& layout, const Source& source, Bands& bands) {
    const auto plane = bands.plane();
    each_value<From>(tiff, layout, source, [&, to = bands.values.data()](std::size_t sample, std::size_t pixel, From value) {
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

Image decode_tiff(std::string_view bytes) {
    if (bytes.size() > max_image_bytes) throw InputError{"the image is larger than 20 MiB"};
    Source source{bytes};
    const auto file = open(source);
    auto* tiff = file.get();
    const auto layout = read_layout(tiff);
    if (layout.format != SAMPLEFORMAT_UINT || layout.bits > 16)
        throw InputError{"the TIFF has samples that are not unsigned of 8 or 16 bits; only a model of color \"bands\" takes it"};
    const auto colors = static_cast<std::size_t>(color_samples(layout));
    Image image = blank(static_cast<int>(layout.width), static_cast<int>(layout.height), static_cast<int>(colors));
    const unsigned invert = layout.photometric == PHOTOMETRIC_MINISWHITE ? 255 : 0;
    const auto put = [&, to = image.pixels.data()](std::size_t sample, std::size_t pixel, unsigned value) {
        if (sample < colors) to[pixel * colors + sample] = static_cast<std::uint8_t>(value ^ invert);
    };
    if (layout.bits == 8) each_value<std::uint8_t>(tiff, layout, source, put);
    else each_value<std::uint16_t>(tiff, layout, source, [&](std::size_t sample, std::size_t pixel, std::uint16_t value) {
            put(sample, pixel, (value * 255u + 32895u) >> 16); // rounded, as for a PNG of 16 bits
        });
    return layout.photometric == PHOTOMETRIC_PALETTE ? apply_palette(tiff, image) : image;
}

Bands decode_tiff_bands(std::string_view bytes) {
    Source source{bytes};
    const auto file = open(source);
    auto* tiff = file.get();
    const auto layout = read_layout(tiff);
    const auto count = std::uint64_t{layout.width} * layout.height * layout.samples;
    if (count > max_band_values) throw InputError{fmt::format("the TIFF has more than {} values", max_band_values)};
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
    else throw InputError{"the TIFF has samples of an unusual form (integers of 8 to 32 bits and floats of 32 and 64 are read)"};
    return bands;
}

} // namespace millrace::inference::worker
