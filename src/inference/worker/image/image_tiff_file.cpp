#include "inference/worker/image/image_tiff_file.hpp"

#include "inference/worker/image/image_tiff_codecs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace millrace::inference::worker {
namespace {

tmsize_t read_bytes(thandle_t handle, void* to, tmsize_t wanted) {
    auto& source = *static_cast<TiffSource*>(handle);
    if (wanted <= 0 || source.at >= source.bytes.size()) return 0;
    const auto count = std::min<std::uint64_t>(static_cast<std::uint64_t>(wanted), source.bytes.size() - source.at);
    std::memcpy(to, source.bytes.data() + source.at, count);
    source.at += count;
    return static_cast<tmsize_t>(count);
}
tmsize_t write_bytes(thandle_t, void*, tmsize_t) { return 0; }
toff_t seek(thandle_t handle, toff_t offset, int whence) {
    auto& source = *static_cast<TiffSource*>(handle);
    const std::uint64_t from = whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.bytes.size() : 0;
    return source.at = from + offset;
}
int close_source(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return static_cast<TiffSource*>(handle)->bytes.size(); }

int keep_message(TIFF*, void* user, const char*, const char* format, va_list values) {
    auto& source = *static_cast<TiffSource*>(user);
    std::vsnprintf(source.message, sizeof source.message, format, values);
    return 1; // nobody else is to be told
}

// Of what libtiff only warns of, libjpeg's "Corrupt JPEG data" and "Premature end of JPEG file" mean pixels painted
// grey, and a palette that cannot be read a picture of its places as if they were grey.
int look_at_warning(TIFF*, void* user, const char*, const char* format, va_list values) {
    char text[256];
    std::vsnprintf(text, sizeof text, format, values);
    auto& source = *static_cast<TiffSource*>(user);
    if (std::strstr(text, "Corrupt JPEG") || std::strstr(text, "Premature end") || std::strstr(text, "ColorMap")) {
        source.damaged = true;
        std::snprintf(source.message, sizeof source.message, "%s", text);
    }
    return 1;
}

// Private methods that are not in libtiff's table open well and fail at the first strip.
void read_compression(TIFF* tiff, TiffLayout& layout) {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &layout.compression);
    if (!TIFFIsCODECConfigured(layout.compression))
        throw InputError{
            fmt::format("the TIFF is compressed by method {}; {} are read", layout.compression, tiff_compressions)};
    if (layout.compression == COMPRESSION_JPEG && layout.photometric == PHOTOMETRIC_YCBCR && !layout.separate()) {
        TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        layout.photometric = PHOTOMETRIC_RGB;
    }
}

void read_chunks(TIFF* tiff, TiffLayout& layout) {
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
    layout.row_bytes = (std::size_t{layout.chunk_width} * layout.samples_a_pixel() * layout.bits + 7) / 8;
    layout.chunk_bytes = layout.row_bytes * layout.chunk_height;
    if (layout.chunk_bytes > (std::size_t{1} << 29))
        throw InputError{"the TIFF has strips or tiles that are too large"};
}

} // namespace

InputError broken_tiff(const TiffSource& source) {
    return InputError{fmt::format("the TIFF cannot be decoded: {:.200}", source.message)};
}

TiffFile open_tiff(TiffSource& source) {
    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options{TIFFOpenOptionsAlloc(),
                                                                                   TIFFOpenOptionsFree};
    if (!options) throw std::bad_alloc{};
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), 512 << 20);
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_message, &source);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), look_at_warning, &source);
    TiffFile file{TIFFClientOpenExt("", "rm", &source, read_bytes, write_bytes, seek, close_source, size_of, nullptr,
                                    nullptr, options.get())};
    if (!file) throw broken_tiff(source);
    return file;
}

TiffLayout read_tiff_layout(TIFF* tiff) {
    TiffLayout layout;
    std::uint16_t* kinds = nullptr;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &layout.width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &layout.height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &layout.samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &layout.bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &layout.format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &layout.planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PHOTOMETRIC, &layout.photometric);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &layout.extras, &kinds);
    if (layout.extras > 0 && kinds) layout.first_extra = kinds[0];
    if (layout.format == SAMPLEFORMAT_VOID) layout.format = SAMPLEFORMAT_UINT;
    if (layout.width < 1 || layout.height < 1 || layout.width > max_image_side || layout.height > max_image_side)
        throw InputError{"the TIFF has a side of 0 or of more than 8192 pixels"};
    if (layout.samples < 1 || layout.samples > 512 ||
        std::uint64_t{layout.width} * layout.height * layout.samples > 4 * max_band_values)
        throw InputError{"the TIFF has too many samples"};
    constexpr int read[] = {1, 2, 4, 8, 16, 32, 64};
    if (std::find(std::begin(read), std::end(read), layout.bits) == std::end(read))
        throw InputError{fmt::format("the TIFF has {} bits a sample; {} are read", layout.bits, fmt::join(read, ", "))};
    read_compression(tiff, layout);
    read_chunks(tiff, layout);
    return layout;
}

} // namespace millrace::inference::worker
