#include "inference/worker/image/image.hpp"

#include <png.h>

#include <bit>
#include <csetjmp>
#include <cstring>
#include <string>

namespace millrace::inference::worker {
namespace {

// libpng reports errors through `fail`, which jumps back into the function that called it. No object with a
// destructor may live between the jump's ends: everything that owns memory is in the caller's frame.
struct Reading {
    std::string_view rest;
    char message[128] = "broken data";
    png_structp png = nullptr;
    png_infop info = nullptr;
    ~Reading() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void fail(png_structp png, png_const_charp message) {
    auto* reading = static_cast<Reading*>(png_get_error_ptr(png));
    std::strncpy(reading->message, message, sizeof reading->message - 1);
    png_longjmp(png, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, png_size_t count) {
    auto* reading = static_cast<Reading*>(png_get_io_ptr(png));
    if (reading->rest.size() < count) png_error(png, "it ends early");
    std::memcpy(to, reading->rest.data(), count);
    reading->rest.remove_prefix(count);
}

// The pixels as they came out: of 8 bits, or of 16 in the machine's byte order.
struct Raw {
    int width = 0, height = 0, channels = 0, bits = 0;
    std::vector<png_byte> bytes;

    std::size_t stride() const {
        return static_cast<std::size_t>(width) * static_cast<std::size_t>(channels * bits / 8);
    }
};

struct Wish {
    bool alpha = false; // where the picture has it
    bool deep = false;  // 16 bits stay
};

// Reads the header, sets the transformations to gray or RGB. False after an error.
bool begin(Reading& reading, Raw& raw, Wish wish) {
    auto* png = reading.png;
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_user_limits(png, max_image_side, max_image_side);
    png_set_chunk_malloc_max(png, 8u << 20);
    png_set_chunk_cache_max(png, 64);
    png_set_read_fn(png, &reading, read_bytes);
    png_read_info(png, reading.info);
    if (!wish.deep) png_set_scale_16(png);
    else if constexpr (std::endian::native == std::endian::little) png_set_swap(png);
    png_set_expand(png); // palette to RGB, 1-4 bits to 8, transparency to alpha
    if (!wish.alpha) png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, reading.info);
    raw.width = static_cast<int>(png_get_image_width(png, reading.info));
    raw.height = static_cast<int>(png_get_image_height(png, reading.info));
    raw.channels = png_get_channels(png, reading.info);
    raw.bits = png_get_bit_depth(png, reading.info);
    if (raw.channels < 1 || raw.channels > 4 || (raw.bits != 8 && raw.bits != 16) ||
        png_get_rowbytes(png, reading.info) != raw.stride())
        png_error(png, "an unusual pixel format");
    return true;
}

bool read_rows(Reading& reading, std::vector<png_bytep>& rows) {
    auto* png = reading.png;
    if (setjmp(png_jmpbuf(png))) return false;
    png_read_image(png, rows.data());
    return true;
}

Raw decode(std::string_view bytes, Wish wish) {
    if (!is_png(bytes)) throw InputError{"not a PNG: it does not begin as one"};
    Reading reading{bytes};
    Raw raw;
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, fail, ignore_warning);
    reading.info = reading.png ? png_create_info_struct(reading.png) : nullptr;
    if (!reading.info) throw std::bad_alloc{};
    const auto error = [&] { return InputError{std::string{"the PNG cannot be decoded: "} + reading.message}; };
    if (!begin(reading, raw, wish)) throw error();
    if (wish.deep &&
        static_cast<std::uint64_t>(raw.width) * static_cast<std::uint64_t>(raw.height * raw.channels) > max_band_values)
        throw InputError{"the PNG has too many values"};
    raw.bytes.resize(static_cast<std::size_t>(raw.height) * raw.stride());
    std::vector<png_bytep> rows;
    for (int y = 0; y < raw.height; ++y) rows.push_back(raw.bytes.data() + static_cast<std::size_t>(y) * raw.stride());
    // What stands behind the pixels is not read: a picture without its end, or with more behind it, is whole.
    if (!read_rows(reading, rows)) throw error();
    return raw;
}

// ---- writing

struct Writing {
    std::string bytes;
    png_structp png = nullptr;
    png_infop info = nullptr;
    ~Writing() { png_destroy_write_struct(&png, &info); }
};

void append_bytes(png_structp png, png_bytep from, png_size_t count) {
    static_cast<Writing*>(png_get_io_ptr(png))->bytes.append(reinterpret_cast<const char*>(from), count);
}

bool write_rows(Writing& writing, int width, int height, std::vector<png_color>& palette,
                std::vector<png_bytep>& rows) {
    auto* png = writing.png;
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_write_fn(png, &writing, append_bytes, nullptr);
    png_set_IHDR(png, writing.info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
                 PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_PLTE(png, writing.info, palette.data(), static_cast<int>(palette.size()));
    png_set_filter(png, 0, PNG_FILTER_NONE);
    png_write_info(png, writing.info);
    png_write_image(png, rows.data());
    png_write_end(png, nullptr);
    return true;
}

} // namespace

bool is_png(std::string_view bytes) { return bytes.starts_with("\x89PNG\r\n\x1a\n"); }

Image decode_png(std::string_view bytes, Alpha alpha) {
    if (bytes.size() > max_image_bytes) throw InputError{"the image is larger than 20 MiB"};
    auto raw = decode(bytes, {.alpha = alpha == Alpha::keep, .deep = false});
    return {raw.width, raw.height, raw.channels, std::move(raw.bytes)};
}

Bands decode_png_bands(std::string_view bytes) {
    const auto raw = decode(bytes, {.alpha = true, .deep = true});
    Bands bands{raw.width, raw.height, raw.channels, {}, raw.channels == 2 || raw.channels == 4};
    const auto channels = static_cast<std::size_t>(raw.channels), plane = bands.plane();
    bands.values.resize(plane * channels);
    const auto spread = [&](auto value) {
        const auto* from = raw.bytes.data();
        for (std::size_t i = 0; i < plane; ++i)
            for (std::size_t c = 0; c < channels; ++c, from += sizeof value) {
                std::memcpy(&value, from, sizeof value);
                bands.values[c * plane + i] = value;
            }
    };
    if (raw.bits == 16) spread(std::uint16_t{});
    else spread(std::uint8_t{});
    return bands;
}

std::string encode_indexed_png(int width, int height, const std::vector<std::uint8_t>& pixels,
                               const std::vector<std::uint32_t>& colors) {
    Writing writing;
    std::vector<png_color> palette;
    for (const auto color : colors)
        palette.push_back(
            {static_cast<png_byte>(color >> 16), static_cast<png_byte>(color >> 8), static_cast<png_byte>(color)});
    std::vector<png_bytep> rows;
    for (int y = 0; y < height; ++y)
        rows.push_back(const_cast<png_bytep>(pixels.data()) +
                       static_cast<std::size_t>(y) * static_cast<std::size_t>(width));
    writing.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, ignore_warning);
    writing.info = writing.png ? png_create_info_struct(writing.png) : nullptr;
    if (!writing.info || !write_rows(writing, width, height, palette, rows))
        throw std::runtime_error{"the map could not be written as PNG"};
    return std::move(writing.bytes);
}

} // namespace millrace::inference::worker
