#include "inference/worker/image/image_orientation.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace millrace::inference::worker {
namespace {

// Numbers at places of the file, in its byte order; none beyond its end.
class Numbers {
public:
    Numbers(std::string_view bytes, bool big_endian) : bytes_{bytes}, big_{big_endian} {}

    std::optional<std::uint64_t> at(std::uint64_t place, unsigned size) const {
        if (place > bytes_.size() || size > bytes_.size() - place) return std::nullopt;
        std::uint64_t number = 0;
        for (unsigned i = 0; i < size; ++i) {
            const auto byte = static_cast<unsigned char>(bytes_[place + i]);
            number |= std::uint64_t{byte} << 8 * (big_ ? size - 1 - i : i);
        }
        return number;
    }

private:
    std::string_view bytes_;
    bool big_;
};

// The tag in the first directory of a TIFF structure, which an EXIF block is, too. A directory that ends early is read
// as far as it goes.
std::optional<int> tagged(std::string_view tiff) {
    if (!tiff.starts_with("II") && !tiff.starts_with("MM")) return std::nullopt;
    const Numbers numbers{tiff, tiff[0] == 'M'};
    const auto magic = numbers.at(2, 2).value_or(0);
    const bool wide = magic == 43; // BigTIFF
    if (magic != 42 && !wide) return std::nullopt;
    const auto directory = wide ? numbers.at(8, 8) : numbers.at(4, 4);
    if (!directory) return std::nullopt;
    const auto entries = numbers.at(*directory, wide ? 8 : 2).value_or(0);
    const std::uint64_t entry_size = wide ? 20 : 12;
    auto place = *directory + (wide ? 8 : 2);
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(entries, 4096); ++i, place += entry_size) {
        const auto tag = numbers.at(place, 2), type = numbers.at(place + 2, 2),
                   count = numbers.at(place + 4, wide ? 8 : 4);
        if (!tag || !type || !count) return std::nullopt;
        if (*tag != 274) continue;
        const unsigned size = *type == 1 ? 1 : *type == 3 ? 2 : *type == 4 ? 4 : 0; // BYTE, SHORT, LONG
        const auto value = size > 0 && *count == 1 ? numbers.at(place + (wide ? 12 : 8), size) : std::nullopt;
        if (!value || *value < 1 || *value > 8) return std::nullopt;
        return static_cast<int>(*value);
    }
    return std::nullopt;
}

constexpr std::string_view exif_mark{"Exif\0\0", 6};

std::optional<int> in_exif(std::string_view block) {
    while (block.starts_with(exif_mark)) block.remove_prefix(exif_mark.size()); // PNG and WebP writers differ on it
    return tagged(block);
}

// Segments up to the first scan.
std::optional<int> in_jpeg(std::string_view bytes) {
    const Numbers numbers{bytes, true};
    for (std::size_t place = 2; place + 4 <= bytes.size();) {
        if (bytes[place] != '\xff') return std::nullopt;
        const auto marker = static_cast<unsigned char>(bytes[place + 1]);
        if (marker == 0xff) { // fill byte
            ++place;
            continue;
        }
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) { // without a length
            place += 2;
            continue;
        }
        if (marker == 0xda || marker == 0xd9) return std::nullopt;
        const auto length = *numbers.at(place + 2, 2);
        if (length < 2) return std::nullopt;
        const auto content = bytes.substr(place + 4, length - 2);
        if (marker == 0xe1 && content.starts_with(exif_mark)) return in_exif(content);
        place += 2 + length;
    }
    return std::nullopt;
}

// The chunk may stand before or after the pixels. With a wrong checksum it is left out, as libpng does.
std::optional<int> in_png(std::string_view bytes) {
    const Numbers numbers{bytes, true};
    for (std::uint64_t place = 8;;) {
        const auto length = numbers.at(place, 4);
        if (!length || *length > bytes.size() || place + 12 + *length > bytes.size()) return std::nullopt;
        const auto named = bytes.substr(place + 4, 4 + *length); // the checksum is of name and content
        if (named.starts_with("IEND")) return std::nullopt;
        const auto checksum = ::crc32(0, reinterpret_cast<const Bytef*>(named.data()), static_cast<uInt>(named.size()));
        if (named.starts_with("eXIf") && checksum == numbers.at(place + 8 + *length, 4))
            return in_exif(named.substr(4));
        place += 12 + *length;
    }
}

std::optional<int> in_webp(std::string_view bytes) {
    const Numbers numbers{bytes, false};
    for (std::uint64_t place = 12;;) {
        const auto length = numbers.at(place + 4, 4);
        if (!length || place + 8 + *length > bytes.size()) return std::nullopt;
        if (bytes.substr(place, 4) == "EXIF") return in_exif(bytes.substr(place + 8, *length));
        place += 8 + *length + *length % 2;
    }
}

// Where the pixel that is shown at (x, y) is stored: begin + x * right + y * down.
struct Walk {
    std::ptrdiff_t begin, right, down;
};
Walk walk(int orientation, std::ptrdiff_t width, std::ptrdiff_t height) {
    const auto last_row = (height - 1) * width, last = height * width - 1;
    switch (orientation) {
    case 2: return {width - 1, -1, width};
    case 3: return {last, -1, -width};
    case 4: return {last_row, 1, -width};
    case 5: return {0, width, 1};
    case 6: return {last_row, -width, 1};
    case 7: return {last, -width, -1};
    case 8: return {width - 1, width, -1};
    default: return {0, 1, width};
    }
}

// Square by square: a picture that is turned would else be read down its columns, a cache line a pixel.
template <class T, std::size_t channels>
void turn(const T* from, T* to, Walk by, std::ptrdiff_t width, std::ptrdiff_t height) {
    constexpr std::ptrdiff_t square = 32;
    for (std::ptrdiff_t top = 0; top < height; top += square)
        for (std::ptrdiff_t left = 0; left < width; left += square)
            for (auto y = top; y < std::min(top + square, height); ++y) {
                auto* pixel = to + (y * width + left) * static_cast<std::ptrdiff_t>(channels);
                for (auto x = left; x < std::min(left + square, width); ++x, pixel += channels)
                    std::copy_n(from + (by.begin + x * by.right + y * by.down) * static_cast<std::ptrdiff_t>(channels),
                                channels, pixel);
            }
}

bool turns(int orientation) { return orientation >= 2 && orientation <= 8; }

} // namespace

int orientation(std::string_view bytes) {
    if (is_jpeg(bytes)) return in_jpeg(bytes).value_or(1);
    if (is_png(bytes)) return in_png(bytes).value_or(1);
    if (is_webp(bytes)) return in_webp(bytes).value_or(1);
    if (is_tiff(bytes)) return tagged(bytes).value_or(1);
    return 1;
}

Image upright(Image image, int orientation) {
    if (!turns(orientation)) return image;
    const auto by = walk(orientation, image.width, image.height);
    const bool exchanged = orientation >= 5;
    Image out =
        exchanged ? blank(image.height, image.width, image.channels) : blank(image.width, image.height, image.channels);
    const auto* from = image.pixels.data();
    auto* to = out.pixels.data();
    switch (image.channels) {
    case 1: turn<std::uint8_t, 1>(from, to, by, out.width, out.height); break;
    case 2: turn<std::uint8_t, 2>(from, to, by, out.width, out.height); break;
    case 3: turn<std::uint8_t, 3>(from, to, by, out.width, out.height); break;
    default: turn<std::uint8_t, 4>(from, to, by, out.width, out.height); break;
    }
    return out;
}

Bands upright(Bands bands, int orientation) {
    if (!turns(orientation)) return bands;
    const auto by = walk(orientation, bands.width, bands.height);
    Bands out{bands.width, bands.height, bands.channels, std::vector<float>(bands.values.size())};
    if (orientation >= 5) std::swap(out.width, out.height);
    for (std::size_t c = 0; c < static_cast<std::size_t>(bands.channels); ++c)
        turn<float, 1>(bands.values.data() + c * bands.plane(), out.values.data() + c * bands.plane(), by, out.width,
                       out.height);
    return out;
}

} // namespace millrace::inference::worker
