#include "inference/worker/image/image_region.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

void check(const Region& region, int width, int height) {
    const auto fits = [](std::uint32_t from, std::uint32_t length, int side) {
        return length > 0 && std::uint64_t{from} + length <= static_cast<std::uint64_t>(side);
    };
    if (fits(region.x, region.width, width) && fits(region.y, region.height, height)) return;
    throw InputError{fmt::format("the part of {} x {} pixels at {}, {} does not lie within the picture of {} x {}",
                                 region.width, region.height, region.x, region.y, width, height)};
}

// What stands in an object of one input, or in an array of one element.
const json::value* inside(const json::value& value) {
    if (const auto* array = value.if_array()) return array->size() == 1 ? &array->front() : nullptr;
    const auto* object = value.if_object();
    if (!object) return nullptr;
    for (const auto* member : {"inputs", "image", "data"})
        if (const auto* found = field(*object, member)) return found;
    return nullptr;
}

} // namespace

Image cut(const Image& image, const Region& region) {
    check(region, image.width, image.height);
    Image part = blank(static_cast<int>(region.width), static_cast<int>(region.height), image.channels);
    const auto left = static_cast<std::size_t>(region.x) * static_cast<std::size_t>(image.channels);
    for (int y = 0; y < part.height; ++y)
        std::copy_n(image.row(y + static_cast<int>(region.y)) + left, part.stride(), part.row(y));
    return part;
}

Bands cut(const Bands& bands, const Region& region) {
    check(region, bands.width, bands.height);
    Bands part{static_cast<int>(region.width), static_cast<int>(region.height), bands.channels, {}, bands.alpha};
    part.values.reserve(part.plane() * static_cast<std::size_t>(part.channels));
    for (std::size_t channel = 0; channel < static_cast<std::size_t>(bands.channels); ++channel)
        for (std::size_t y = 0; y < region.height; ++y) {
            const float* row = bands.values.data() + channel * bands.plane() +
                               (y + region.y) * static_cast<std::size_t>(bands.width) + region.x;
            part.values.insert(part.values.end(), row, row + region.width);
        }
    return part;
}

std::string picture_in_json(std::string_view text) {
    const auto parsed = parse_json(text);
    if (!parsed) throw InputError{parsed.error().detail};
    const json::value* value = &*parsed;
    while (value && !value->is_string()) value = inside(*value);
    if (!value) throw InputError{"parts can be taken of one picture only, and the input is something else"};
    const auto bytes = from_base64(std::string_view{value->get_string()});
    if (!bytes) throw InputError{"the image must be base64"};
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

} // namespace millrace::inference::worker
