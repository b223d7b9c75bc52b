#include "cli/models/made_picture.hpp"

#include <zlib.h>

#include <cmath>
#include <random>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace millrace::cli {
namespace {

void append_number(std::string& out, std::uint32_t value) {
    for (const int shift : {24, 16, 8, 0}) out += static_cast<char>((value >> shift) & 0xff);
}

void append_chunk(std::string& out, std::string_view kind, std::string_view data) {
    append_number(out, static_cast<std::uint32_t>(data.size()));
    const auto start = out.size();
    out.append(kind).append(data);
    append_number(out, static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(out.data() + start),
                                                          static_cast<uInt>(out.size() - start))));
}

// The rows, each behind the byte that says that it is not filtered.
std::string rows(int width, int height, int channels, std::uint32_t seed) {
    std::mt19937 random{seed};
    const auto slope = static_cast<double>(2 + random() % 5), wave = static_cast<double>(3 + random() % 7);
    std::string out;
    out.reserve(static_cast<std::size_t>(height) * (static_cast<std::size_t>(width * channels) + 1));
    for (int y = 0; y < height; ++y) {
        out += '\0';
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < channels; ++c) {
                const double soft = std::sin(slope * x / width + c) * std::cos(wave * y / height);
                out += static_cast<char>(static_cast<int>(112 + 96 * soft) + static_cast<int>(random() % 16));
            }
    }
    return out;
}

} // namespace

std::string made_picture(int width, int height, int channels, std::uint32_t seed) {
    const auto plain = rows(width, height, channels, seed);
    auto size = ::compressBound(static_cast<uLong>(plain.size()));
    std::string packed(size, '\0');
    if (::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(plain.data()),
                    static_cast<uLong>(plain.size()), 6) != Z_OK)
        throw std::runtime_error{"a picture could not be packed"};
    packed.resize(size);
    std::string head;
    append_number(head, static_cast<std::uint32_t>(width));
    append_number(head, static_cast<std::uint32_t>(height));
    head += '\x08';                          // bits a channel
    head += channels == 3 ? '\x02' : '\x00'; // colour type
    head.append(3, '\0');
    std::string out{"\x89PNG\r\n\x1a\n"};
    append_chunk(out, "IHDR", head);
    append_chunk(out, "IDAT", packed);
    append_chunk(out, "IEND", {});
    return out;
}

} // namespace millrace::cli
