// A TIFF of a stranger, opened in memory with limits, and its samples one by one. For image_tiff.cpp alone. InputError.
#pragma once
#include "inference/worker/image/image.hpp"

#include <tiffio.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::inference::worker {

// libtiff reads from memory; what it complains of is kept, and printed nowhere.
struct TiffSource {
    std::string_view bytes;
    std::uint64_t at = 0;
    char message[256] = "broken data";
    bool damaged = false; // pixels were made up for data that are broken
};

struct CloseTiff {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using TiffFile = std::unique_ptr<TIFF, CloseTiff>;

TiffFile open_tiff(TiffSource& source); // borrows it
InputError broken_tiff(const TiffSource& source);

struct TiffLayout {
    std::uint32_t width = 0, height = 0;
    std::uint16_t samples = 1, bits = 1, format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG, photometric = 0,
                  extras = 0, first_extra = EXTRASAMPLE_UNSPECIFIED, compression = COMPRESSION_NONE;
    bool tiled = false;
    std::uint32_t chunk_width = 0, chunk_height = 0; // of a tile or strip
    std::size_t row_bytes = 0;                       // of a tile or strip; a row begins with a byte
    std::size_t chunk_bytes = 0;

    bool separate() const { return planar == PLANARCONFIG_SEPARATE; }
    std::size_t samples_a_pixel() const { return separate() ? 1 : samples; }
};

// Of the first picture, within the limits. From then on JPEG gives RGB instead of YCbCr.
TiffLayout read_tiff_layout(TIFF* tiff);

// A strip or tile, decoded: rows of chunk_width pixels, of which width x height at (left, top) belong to the picture.
struct TiffChunk {
    const std::byte* data;
    std::uint32_t left, top, width, height;
    std::uint16_t sample; // the one that it holds, when they are separate
};

template <class Visit>
void each_chunk(TIFF* tiff, const TiffLayout& layout, const TiffSource& source, Visit visit) {
    std::vector<std::byte> buffer(layout.chunk_bytes);
    const std::uint16_t planes = layout.separate() ? layout.samples : std::uint16_t{1};
    const std::uint32_t strips = (layout.height + layout.chunk_height - 1) / layout.chunk_height;
    for (std::uint16_t plane = 0; plane < planes; ++plane)
        for (std::uint32_t top = 0; top < layout.height; top += layout.chunk_height)
            for (std::uint32_t left = 0; left < layout.width; left += layout.chunk_width) {
                const TiffChunk chunk{buffer.data(),
                                      left,
                                      top,
                                      std::min(layout.chunk_width, layout.width - left),
                                      std::min(layout.chunk_height, layout.height - top),
                                      plane};
                auto wanted = static_cast<tmsize_t>(layout.chunk_bytes);
                tmsize_t got = 0;
                if (layout.tiled) {
                    got = TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, left, top, 0, plane), buffer.data(), wanted);
                } else {
                    wanted = wanted / layout.chunk_height * chunk.height;
                    got = TIFFReadEncodedStrip(tiff, plane * strips + top / layout.chunk_height, buffer.data(), wanted);
                }
                if (got != wanted || source.damaged) throw broken_tiff(source);
                visit(chunk);
            }
}

// Calls put(sample, pixel, value) for each value of the picture, as T.
template <class T, class Put>
void each_value(TIFF* tiff, const TiffLayout& layout, const TiffSource& source, Put put) {
    const auto step = layout.samples_a_pixel();
    each_chunk(tiff, layout, source, [&](const TiffChunk& chunk) {
        for (std::uint32_t y = 0; y < chunk.height; ++y) {
            const auto* from = chunk.data + y * layout.row_bytes;
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

// The same for unsigned values of 1, 2 and 4 bits, the first in the highest bits of a byte.
template <class Put>
void each_small_value(TIFF* tiff, const TiffLayout& layout, const TiffSource& source, Put put) {
    const auto step = layout.samples_a_pixel();
    const unsigned mask = (1u << layout.bits) - 1;
    each_chunk(tiff, layout, source, [&](const TiffChunk& chunk) {
        for (std::uint32_t y = 0; y < chunk.height; ++y) {
            const auto* row = chunk.data + y * layout.row_bytes;
            const std::size_t pixel = std::size_t{chunk.top + y} * layout.width + chunk.left;
            for (std::size_t i = 0; i < chunk.width * step; ++i) {
                const auto bit = i * layout.bits;
                const unsigned value = std::to_integer<unsigned>(row[bit / 8]) >> (8 - layout.bits - bit % 8) & mask;
                put(chunk.sample + i % step, pixel + i / step, value);
            }
        }
    });
}

} // namespace millrace::inference::worker
