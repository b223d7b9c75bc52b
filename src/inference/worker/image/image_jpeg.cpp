#include "inference/worker/image/image.hpp"

#include <cstdio>

#include <jpeglib.h>

#include <jerror.h> // after jpeglib.h, whose macros it needs

#include <csetjmp>
#include <cstring>
#include <string>

namespace millrace::inference::worker {
namespace {

// libjpeg jumps out of its error handler; as with libpng, what owns memory lives in the caller's frame.
struct Reading {
    jpeg_error_mgr errors{};
    std::jmp_buf back{};
    jpeg_decompress_struct jpeg{};
    jpeg_progress_mgr progress{};
    char message[JMSG_LENGTH_MAX] = "broken data";
    ~Reading() { jpeg_destroy_decompress(&jpeg); }
};

[[noreturn]] void fail(j_common_ptr info) {
    auto* reading = reinterpret_cast<Reading*>(info->err); // errors is the first member
    info->err->format_message(info, reading->message);
    std::longjmp(reading->back, 1);
}

// What libjpeg would paint grey is refused, not guessed; its other warnings concern pictures that every program shows.
void refuse_damage(j_common_ptr info, int level) {
    if (level >= 0) return;
    for (const int damage :
         {JWRN_JPEG_EOF, JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_ARITH_BAD_CODE, JWRN_BOGUS_PROGRESSION})
        if (info->err->msg_code == damage) fail(info);
}

// A progressive picture of a few kilobytes can ask for thousands of passes over all its pixels.
void limit_scans(j_common_ptr info) {
    constexpr int most = 100;
    if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= most) return;
    auto* reading = reinterpret_cast<Reading*>(info->err);
    std::strcpy(reading->message, "it has too many passes");
    std::longjmp(reading->back, 1);
}

bool begin(Reading& reading, std::string_view bytes, Image& image) {
    auto& jpeg = reading.jpeg;
    if (setjmp(reading.back)) return false;
    jpeg_create_decompress(&jpeg);
    jpeg.progress = &reading.progress;
    jpeg.mem->max_memory_to_use = 512L << 20;
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&jpeg, TRUE);
    image.width = static_cast<int>(jpeg.image_width);
    image.height = static_cast<int>(jpeg.image_height);
    return true;
}

bool start(Reading& reading, Image& image) {
    auto& jpeg = reading.jpeg;
    if (setjmp(reading.back)) return false;
    jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : jpeg.num_components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_start_decompress(&jpeg);
    image.channels = jpeg.output_components;
    return true;
}

bool read_rows(Reading& reading, Image& image) {
    auto& jpeg = reading.jpeg;
    if (setjmp(reading.back)) return false;
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = image.row(static_cast<int>(jpeg.output_scanline));
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    return true;
}

// Whatever writes CMYK as JPEG writes it inverted, as Adobe began it.
Image from_inks(const Image& inks) {
    Image image = blank(inks.width, inks.height, 3);
    const auto* from = inks.pixels.data();
    for (auto* to = image.pixels.data(); to != image.pixels.data() + image.pixels.size(); to += 3, from += 4) {
        std::uint8_t cmyk[4];
        for (int c = 0; c < 4; ++c) cmyk[c] = static_cast<std::uint8_t>(255 - from[c]);
        cmyk_to_rgb(cmyk, to);
    }
    return image;
}

} // namespace

bool is_jpeg(std::string_view bytes) { return bytes.starts_with("\xff\xd8\xff"); }

Image decode_jpeg(std::string_view bytes) {
    if (!is_jpeg(bytes)) throw InputError{"not a JPEG: it does not begin as one"};
    if (bytes.size() > max_image_bytes) throw InputError{"the image is larger than 20 MiB"};
    Reading reading;
    Image image;
    reading.jpeg.err = jpeg_std_error(&reading.errors);
    reading.errors.error_exit = fail;
    reading.errors.emit_message = refuse_damage;
    reading.progress.progress_monitor = limit_scans;
    const auto error = [&] { return InputError{std::string{"the JPEG cannot be decoded: "} + reading.message}; };
    if (!begin(reading, bytes, image)) throw error();
    if (image.width < 1 || image.height < 1 || image.width > static_cast<int>(max_image_side) ||
        image.height > static_cast<int>(max_image_side))
        throw InputError{"the JPEG has a side of more than 8192 pixels"};
    const int components = reading.jpeg.num_components;
    if (components != 1 && components != 3 && components != 4)
        throw InputError{"the JPEG is neither grey nor of colours (RGB, CMYK); convert it first"};
    if (!start(reading, image)) throw error();
    if (image.channels != components) throw InputError{"the JPEG has an unusual pixel format"};
    image.pixels.resize(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) *
                        static_cast<std::size_t>(image.channels));
    if (!read_rows(reading, image)) throw error();
    return components == 4 ? from_inks(image) : image;
}

} // namespace millrace::inference::worker
