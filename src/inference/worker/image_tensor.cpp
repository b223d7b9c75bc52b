#include "inference/worker/image_tensor.hpp"

#include "inference/worker/image_orientation.hpp"
#include "inference/worker/image_resize.hpp"

#include <fmt/format.h>

#include <array>

namespace millrace::inference::worker {
namespace {

using model::ImageLayout;

TensorValue empty_tensor(const model::InputSpec& input) {
    TensorValue value{input.tensor.datatype, input.tensor.shape, {}};
    value.bytes.resize(*model::element_count(value.shape) * model::element_size(value.datatype));
    return value;
}

// Where the value of channel c of pixel i belongs, as strides.
struct Strides {
    std::size_t channel, pixel;
};
Strides strides(const model::ImageRule& rule, std::size_t plane) {
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

TensorValue to_tensor(const Image& image, const model::InputSpec& input) {
    const auto& rule = input.image;
    auto value = empty_tensor(input);
    const auto at = strides(rule, image.pixels.size() / static_cast<std::size_t>(image.channels));
    if (value.datatype == model::Datatype::uint8) {
        std::array<std::array<std::uint8_t, 256>, 3> same;
        for (auto& channel : same)
            for (std::size_t v = 0; v < 256; ++v) channel[v] = static_cast<std::uint8_t>(v);
        spread<std::uint8_t>(image, value.bytes, at, same);
        return value;
    }
    std::array<std::array<float, 256>, 3> table; // one value for each possible byte
    for (std::size_t c = 0; c < static_cast<std::size_t>(image.channels); ++c)
        for (std::size_t v = 0; v < 256; ++v)
            table[c][v] =
                static_cast<float>((static_cast<double>(v) * rule.scale - rule.mean[c]) / rule.deviation[c]);
    spread<float>(image, value.bytes, at, table);
    return value;
}

TensorValue to_tensor(const Bands& bands, const model::InputSpec& input) {
    const auto& rule = input.image;
    auto value = empty_tensor(input);
    const auto at = strides(rule, bands.plane());
    auto* to = reinterpret_cast<float*>(value.bytes.data());
    for (std::size_t c = 0; c < static_cast<std::size_t>(bands.channels); ++c) {
        const float* from = bands.values.data() + c * bands.plane();
        for (std::size_t i = 0; i < bands.plane(); ++i)
            to[c * at.channel + i * at.pixel] =
                static_cast<float>((from[i] * rule.scale - rule.mean[c]) / rule.deviation[c]);
    }
    return value;
}

namespace {

PictureGeometry geometry(int width, int height, const Placement& to) {
    return {width, height, to.window_width, to.window_height, static_cast<double>(to.left), static_cast<double>(to.top),
            static_cast<double>(width) / to.width, static_cast<double>(height) / to.height};
}

TensorValue with_geometry(TensorValue value, const PictureGeometry& picture) {
    value.pictures = {picture};
    return value;
}

} // namespace

TensorValue image_tensor(std::string_view bytes, const model::InputSpec& input) {
    const auto& rule = input.image;
    const int shown = rule.orientation == model::Orientation::as_shown ? orientation(bytes) : 1;
    if (rule.color == model::ImageColor::bands) {
        auto bands = upright(decode_bands(bytes), shown);
        if (bands.channels != rule.channels)
            throw InputError{fmt::format("the picture has {} bands, the model takes {}", bands.channels, rule.channels)};
        const auto to = placement(bands.width, bands.height, rule);
        const auto where = geometry(bands.width, bands.height, to);
        if (!to.keeps(bands.width, bands.height)) bands = resize(bands, to);
        return with_geometry(to_tensor(bands, input), where);
    }
    auto image = convert(upright(decode_image(bytes), shown), rule.color);
    const auto to = placement(image.width, image.height, rule);
    const auto where = geometry(image.width, image.height, to);
    if (!to.keeps(image.width, image.height)) image = resize(image, to);
    return with_geometry(to_tensor(image, input), where);
}

} // namespace millrace::inference::worker
