#include "inference/worker/tokenizer/charsmap.hpp"

#include "base/utf8.hpp"
#include "inference/worker/tokenizer/characters.hpp"
#include "inference/worker/tokenizer/file_error.hpp"

#include <cstring>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t longest_replacement = 256; // bytes; Unicode's longest compatibility form has 33

// A unit of the double array: bit 31 with the value of a leaf; else bit 8 says that a leaf hangs here, bits 0-7 and 31
// are the label, and the rest is how far away its children are.
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7fffffffu; }
std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000ffu; }
std::uint32_t distance_of(std::uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }

} // namespace

Charsmap::Charsmap(std::string_view bytes) {
    std::uint32_t size = 0;
    if (bytes.size() >= sizeof size) std::memcpy(&size, bytes.data(), sizeof size);
    if (bytes.size() < sizeof size || size > bytes.size() - sizeof size || size % sizeof(std::uint32_t) != 0 ||
        size == 0)
        throw FileError{"the precompiled map of characters is broken"};
    units_.resize(size / sizeof(std::uint32_t));
    std::memcpy(units_.data(), bytes.data() + sizeof size, size);
    replacements_ = bytes.substr(sizeof size + size);
    replacements_ += '\0';
    if (!valid_utf8(replacements_)) throw FileError{"the precompiled map of characters is not UTF-8"};
    for (std::size_t begin = 0, end; begin < replacements_.size(); begin = end + 1) {
        end = replacements_.find('\0', begin);
        if (end - begin > longest_replacement)
            throw FileError{"the precompiled map of characters makes texts too long"};
    }
}

std::optional<std::pair<std::size_t, std::string_view>> Charsmap::search(std::string_view text, bool longest) const {
    std::optional<std::pair<std::size_t, std::string_view>> found;
    std::size_t place = distance_of(units_[0]);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        place ^= byte;
        if (byte == 0 || place >= units_.size() || label_of(units_[place]) != byte) break;
        const auto unit = units_[place];
        place ^= distance_of(unit);
        if (place >= units_.size()) break;
        if (!has_leaf(unit)) continue;
        const auto from = value_of(units_[place]);
        if (from >= replacements_.size() || (replacements_[from] & 0xc0) == 0x80)
            break; // outside, or inside a character
        found = {i + 1, std::string_view{replacements_.data() + from}};
        if (!longest) break;
    }
    return found;
}

} // namespace millrace::inference::worker
