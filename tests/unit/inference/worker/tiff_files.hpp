// TIFF files for tests: well-formed ones as libtiff writes them, and ones put together entry by entry.
#pragma once
#include <tiffio.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace tiff_files {

struct Memory {
    std::string bytes;
    std::uint64_t at = 0;
};

struct Form {
    std::uint32_t width = 0, height = 0;
    std::uint16_t samples = 1, bits = 8, format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG,
                  photometric = PHOTOMETRIC_MINISBLACK, compression = COMPRESSION_NONE, predictor = 1, extras = 0;
    std::uint32_t rows_a_strip = 2, tile = 0; // tile: a side, instead of strips
    bool big_endian = false, geo = false;
};

inline TIFF* open(Memory& memory, const char* mode) {
    return TIFFClientOpen(
        "", mode, &memory,
        [](thandle_t h, void* to, tmsize_t n) -> tmsize_t {
            auto& m = *static_cast<Memory*>(h);
            if (m.at >= m.bytes.size()) return 0;
            const auto count = m.bytes.copy(static_cast<char*>(to), static_cast<std::size_t>(n), m.at);
            m.at += count;
            return static_cast<tmsize_t>(count);
        },
        [](thandle_t h, void* from, tmsize_t n) -> tmsize_t {
            auto& m = *static_cast<Memory*>(h);
            if (m.bytes.size() < m.at + static_cast<std::uint64_t>(n))
                m.bytes.resize(m.at + static_cast<std::uint64_t>(n));
            std::memcpy(m.bytes.data() + m.at, from, static_cast<std::size_t>(n));
            m.at += static_cast<std::uint64_t>(n);
            return n;
        },
        [](thandle_t h, toff_t offset, int whence) -> toff_t {
            auto& m = *static_cast<Memory*>(h);
            return m.at = offset + (whence == SEEK_CUR ? m.at : whence == SEEK_END ? m.bytes.size() : 0);
        },
        [](thandle_t) { return 0; }, [](thandle_t h) -> toff_t { return static_cast<Memory*>(h)->bytes.size(); },
        nullptr, nullptr);
}

// `value(sample, x, y)` gives each value.
template <class T, class Value>
std::string write(const Form& form, Value value) {
    Memory memory;
    TIFF* tiff = open(memory, form.big_endian ? "wb" : "wl");
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, form.width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, form.height);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, form.samples);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, static_cast<std::uint16_t>(sizeof(T) * 8));
    TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, form.format);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, form.planar);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, form.photometric);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, form.compression);
    if (form.predictor > 1) TIFFSetField(tiff, TIFFTAG_PREDICTOR, form.predictor);
    if (form.extras > 0) {
        const std::vector<std::uint16_t> kinds(form.extras, EXTRASAMPLE_UNSPECIFIED);
        TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, form.extras, kinds.data());
    }
    if (form.geo) { // ModelPixelScale and GeoKeyDirectory, which libtiff does not know
        static const TIFFFieldInfo fields[] = {
            {33550, -1, -1, TIFF_DOUBLE, FIELD_CUSTOM, 1, 1, const_cast<char*>("ModelPixelScale")},
            {34735, -1, -1, TIFF_SHORT, FIELD_CUSTOM, 1, 1, const_cast<char*>("GeoKeyDirectory")}};
        TIFFMergeFieldInfo(tiff, fields, 2);
        const double scale[] = {10, 10, 0};
        const std::uint16_t keys[] = {1, 1, 0, 1, 1024, 0, 1, 1};
        TIFFSetField(tiff, 33550, 3, scale);
        TIFFSetField(tiff, 34735, 8, keys);
    }
    const bool separate = form.planar == PLANARCONFIG_SEPARATE;
    const std::uint32_t step_x = form.tile ? form.tile : form.width, step_y = form.tile ? form.tile : form.rows_a_strip;
    if (form.tile) {
        TIFFSetField(tiff, TIFFTAG_TILEWIDTH, form.tile);
        TIFFSetField(tiff, TIFFTAG_TILELENGTH, form.tile);
    } else {
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, form.rows_a_strip);
    }
    for (std::uint16_t plane = 0; plane < (separate ? form.samples : 1); ++plane)
        for (std::uint32_t top = 0; top < form.height; top += step_y)
            for (std::uint32_t left = 0; left < form.width; left += step_x) {
                std::vector<T> chunk;
                const std::uint32_t rows = form.tile ? step_y : std::min(step_y, form.height - top);
                for (std::uint32_t y = top; y < top + rows; ++y)
                    for (std::uint32_t x = left; x < left + step_x; ++x)
                        for (std::uint16_t s = 0; s < (separate ? 1 : form.samples); ++s) {
                            const bool inside = x < form.width && y < form.height;
                            chunk.push_back(inside ? static_cast<T>(value(separate ? plane : s, x, y)) : T{});
                        }
                const auto size = static_cast<tmsize_t>(chunk.size() * sizeof(T));
                if (form.tile)
                    TIFFWriteEncodedTile(tiff, TIFFComputeTile(tiff, left, top, 0, plane), chunk.data(), size);
                else TIFFWriteEncodedStrip(tiff, TIFFComputeStrip(tiff, top, plane), chunk.data(), size);
            }
    TIFFClose(tiff);
    return memory.bytes;
}

struct Entry {
    std::uint16_t tag, type; // 3 SHORT, 4 LONG
    std::uint32_t count, value;
};

// A little-endian file of one directory at offset 8, then `data`, then the offset of a next directory.
inline std::string assemble(const std::vector<Entry>& entries, const std::string& data, std::uint32_t next = 0) {
    std::string file{"II*\0\x08\0\0\0", 8};
    const auto put = [&](auto number) { file.append(reinterpret_cast<const char*>(&number), sizeof number); };
    put(static_cast<std::uint16_t>(entries.size()));
    for (const auto& e : entries) {
        put(e.tag);
        put(e.type);
        put(e.count);
        put(e.value);
    }
    put(next);
    return file + data;
}

} // namespace tiff_files
