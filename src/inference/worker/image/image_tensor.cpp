#include "inference/worker/image/image_tensor.hpp"

#include "inference/worker/image/image_orientation.hpp"
#include "inference/worker/image/image_region.hpp"
#include "inference/worker/image/image_resize.hpp"
#include "inference/worker/tensor/tensor_convert.hpp"

#include <fmt/format.h>

#include <array>

namespace millrace::inference::worker {
namespace {

using values::ImageLayout;

constexpr std::uint64_t most_elements = std::uint64_t{1} << 28; // as a shape of fixed sides may have

// Of the picture's size where the shape leaves it open.
TensorValue empty_tensor(const values::InputSpec& input, int width, int height) {
    TensorValue value{input.tensor.datatype, input.tensor.shape, {}};
    const bool hwc = input.image.layout == ImageLayout::hwc;
    value.shape[hwc ? 0 : 1] = height;
    value.shape[hwc ? 1 : 2] = width;
    const auto count = values::element_count(value.shape).value_or(most_elements + 1);
    if (count > most_elements) throw InputError{"the picture has too many pixels for this model"};
    value.bytes.resize(count * values::element_size(value.datatype));
    return value;
}

// Where the value of channel c of pixel i belongs, as strides.
struct Strides {
    std::size_t channel, pixel;
};
Strides strides(const values::ImageRule& rule, std::size_t plane) {
    if (rule.layout == ImageLayout::hwc) return {1, static_cast<std::size_t>(rule.channels)};
    return {plane, 1};
}

// Each pixel is read once, whatever the layout; `table` gives what a byte becomes in a channel.
template <std::size_t channels, class T, class Table>
void spread(const Image& image, T* to, Strides at, const Table& table) {
    const std::size_t plane = image.pixels.size() / channels;
    const auto* from = image.pixels.data();
    for (std::size_t i = 0; i < plane; ++i, from += channels)
        for (std::size_t c = 0; c < channels; ++c) to[c * at.channel + i * at.pixel] = table[c][from[c]];
}

template <class T, class Table>
void spread(const Image& image, std::vector<std::byte>& bytes, Strides at, const Table& table) {
    auto* to = reinterpret_cast<T*>(bytes.data());
    if (image.channels == 1) spread<1>(image, to, at, table);
    else spread<3>(image, to, at, table);
}

} // namespace

namespace {

// Numbers as the tensor has them: of half precision rounded, and infinite beyond its range, as torch's half() makes
// them.
template <class T>
T number_of(double value) {
    if constexpr (std::is_same_v<T, values::Half>) return values::to_half(static_cast<float>(value));
    else if constexpr (std::is_same_v<T, values::Brain>) return values::to_brain(static_cast<float>(value));
    else return static_cast<T>(value);
}

double normalized(double value, const values::ImageRule& rule, std::size_t channel) {
    return (value * rule.scale - rule.mean[channel]) / rule.deviation[channel];
}

} // namespace

TensorValue to_tensor(const Image& image, const values::InputSpec& input) {
    const auto& rule = input.image;
    auto value = empty_tensor(input, image.width, image.height);
    const auto at = strides(rule, image.pixels.size() / static_cast<std::size_t>(image.channels));
    const bool plain = value.datatype == values::Datatype::uint8;
    with_type(value.datatype, [&](auto type) {
        using T = decltype(type);
        std::array<std::array<T, 256>, 3> table{}; // one value for each possible byte
        for (std::size_t c = 0; c < static_cast<std::size_t>(image.channels); ++c)
            for (std::size_t v = 0; v < 256; ++v)
                table[c][v] =
                    number_of<T>(plain ? static_cast<double>(v) : normalized(static_cast<double>(v), rule, c));
        spread<T>(image, value.bytes, at, table);
    });
    return value;
}

TensorValue to_tensor(const Bands& bands, const values::InputSpec& input) {
    const auto& rule = input.image;
    auto value = empty_tensor(input, bands.width, bands.height);
    const auto at = strides(rule, bands.plane());
    with_type(value.datatype, [&](auto type) {
        using T = decltype(type);
        auto* to = reinterpret_cast<T*>(value.bytes.data());
        for (std::size_t c = 0; c < static_cast<std::size_t>(bands.channels); ++c) {
            const float* from = bands.values.data() + c * bands.plane();
            for (std::size_t i = 0; i < bands.plane(); ++i)
                to[c * at.channel + i * at.pixel] = number_of<T>(normalized(from[i], rule, c));
        }
    });
    return value;
}

namespace {

Bands read_bands(std::string_view bytes, const values::ImageRule& rule) {
    auto bands = decode_bands(bytes, rule.channels);
    if (bands.channels != rule.channels)
        throw InputError{fmt::format("the picture has {} bands, the model takes {}", bands.channels, rule.channels)};
    return bands;
}

Image read_image(std::string_view bytes, const values::ImageRule& rule) {
    if (!rule.background) return decode_image(bytes);
    return over(decode_image(bytes, Alpha::keep), *rule.background);
}

std::vector<std::uint8_t> fill_of(const values::ImageRule& rule) {
    const auto part = [&](int shift) { return static_cast<std::uint8_t>(rule.fill >> shift); };
    return convert(Image{1, 1, 3, {part(16), part(8), part(0)}}, rule.color).pixels;
}

Bands filled(Bands bands, const Placement& to, const values::ImageRule&) { return pad(std::move(bands), to); }
Image filled(Image image, const Placement& to, const values::ImageRule& rule) {
    return pad(std::move(image), to, fill_of(rule));
}

// From an upright picture in the rule's colours.
template <class Picture>
TensorValue place(Picture picture, const values::InputSpec& input) {
    const int width = picture.width, height = picture.height;
    const auto to = placement(width, height, input.image);
    if (!to.keeps(width, height)) picture = resize(picture, to);
    auto value = to_tensor(filled(std::move(picture), to, input.image), input);
    value.pictures = {geometry(width, height, to)};
    return value;
}

// Calls `use` with the picture: bands or an image, upright and in the rule's colours.
template <class Use>
auto with_picture(std::string_view bytes, const values::ImageRule& rule, Use use) {
    const int shown = rule.orientation == values::Orientation::as_shown ? orientation(bytes) : 1;
    if (rule.color == values::ImageColor::bands) return use(upright(read_bands(bytes, rule), shown));
    return use(convert(upright(read_image(bytes, rule), shown), rule.color));
}

} // namespace

TensorValue image_tensor(std::string_view bytes, const values::InputSpec& input) {
    return with_picture(bytes, input.image, [&](auto picture) { return place(std::move(picture), input); });
}

TensorRows image_tensor(std::string_view bytes, const values::InputSpec& input, const std::vector<Region>& regions) {
    return with_picture(bytes, input.image, [&](const auto& picture) {
        std::vector<TensorValue> rows;
        for (const auto& region : regions) rows.push_back(place(cut(picture, region), input));
        return join_rows(std::move(rows));
    });
}

} // namespace millrace::inference::worker
