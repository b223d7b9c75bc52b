#include "inference/worker/image/image_resize.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::inference::worker {
namespace {

constexpr int precision = 32 - 8 - 2; // of fixed-point weights: sums of 255 * weight stay inside 32 bits

std::vector<std::int32_t> fixed(const Taps& taps) {
    std::vector<std::int32_t> weights(taps.weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i)
        weights[i] = static_cast<std::int32_t>(std::round(taps.weights[i] * (1 << precision)));
    return weights;
}

std::uint8_t rounded(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> precision, 0, 255)); }

template <std::size_t channels>
void across(const Image& image, Image& out, const Taps& taps, int top) {
    const auto weights = fixed(taps);
    for (int y = 0; y < out.height; ++y) {
        const auto* from = image.row(y + top);
        auto* to = out.row(y);
        for (std::size_t x = 0; x < taps.first.size(); ++x, to += channels) {
            const auto* weight = weights.data() + x * taps.support;
            const auto* pixel = from + static_cast<std::size_t>(taps.first[x]) * channels;
            std::int32_t sums[channels];
            std::fill_n(sums, channels, 1 << (precision - 1));
            for (int k = 0; k < taps.count[x]; ++k, pixel += channels)
                for (std::size_t c = 0; c < channels; ++c) sums[c] += pixel[c] * weight[k];
            for (std::size_t c = 0; c < channels; ++c) to[c] = rounded(sums[c]);
        }
    }
}

// Whole rows at a time: columns would jump through memory. `top`: the row of the picture that image's first one is.
void down(const Image& image, Image& out, const Taps& taps, int top) {
    const auto weights = fixed(taps);
    const std::size_t stride = out.stride();
    std::vector<std::int32_t> sums(stride);
    for (int y = 0; y < out.height; ++y) {
        const auto at = static_cast<std::size_t>(y);
        std::fill(sums.begin(), sums.end(), 1 << (precision - 1));
        for (int k = 0; k < taps.count[at]; ++k) {
            const auto* row = image.row(taps.first[at] + k - top);
            const auto weight = weights[at * taps.support + static_cast<std::size_t>(k)];
            for (std::size_t x = 0; x < stride; ++x) sums[x] += row[x] * weight;
        }
        auto* to = out.row(y);
        for (std::size_t x = 0; x < stride; ++x) to[x] = rounded(sums[x]);
    }
}

// The part of the picture where nothing is stretched in a direction.
Image cut(const Image& image, int left, int top, int width, int height) {
    Image out = blank(width, height, image.channels);
    for (int y = 0; y < height; ++y)
        std::copy_n(image.row(top + y) + static_cast<std::size_t>(left * image.channels), out.stride(), out.row(y));
    return out;
}

// One plane of bands; values are rounded to float after each direction, as Pillow's mode F.
std::vector<float> resize_plane(const float* from, int width, int height, const Placement& to) {
    const bool wide = to.width != width, high = to.height != height;
    const Taps columns = taps(to.filter, width, to.width, to.left, to.window_width);
    const Taps rows = taps(to.filter, height, to.height, to.top, to.window_height);
    const int top = high ? rows.begin() : to.top, bottom = high ? rows.end() : to.top + to.window_height;
    const auto out_width = static_cast<std::size_t>(to.window_width);
    std::vector<float> middle(out_width * static_cast<std::size_t>(bottom - top));
    for (int y = top; y < bottom; ++y) {
        const float* row = from + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
        float* line = middle.data() + static_cast<std::size_t>(y - top) * out_width;
        for (std::size_t x = 0; x < out_width; ++x) {
            if (!wide) {
                line[x] = row[static_cast<std::size_t>(to.left) + x];
                continue;
            }
            double sum = 0;
            for (int k = 0; k < columns.count[x]; ++k)
                sum += row[columns.first[x] + k] * columns.weights[x * columns.support + static_cast<std::size_t>(k)];
            line[x] = static_cast<float>(sum);
        }
    }
    if (!high) return middle;
    std::vector<float> out(out_width * static_cast<std::size_t>(to.window_height));
    std::vector<double> sums(out_width);
    for (std::size_t y = 0; y < rows.first.size(); ++y) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int k = 0; k < rows.count[y]; ++k) {
            const float* line = middle.data() + static_cast<std::size_t>(rows.first[y] + k - top) * out_width;
            const double weight = rows.weights[y * rows.support + static_cast<std::size_t>(k)];
            for (std::size_t x = 0; x < out_width; ++x) sums[x] += line[x] * weight;
        }
        for (std::size_t x = 0; x < out_width; ++x) out[y * out_width + x] = static_cast<float>(sums[x]);
    }
    return out;
}

// Where the values between the two directions are not to be rounded.
Image resize_in_floats(const Image& image, const Placement& to) {
    Image out = blank(to.window_width, to.window_height, image.channels);
    const auto channels = static_cast<std::size_t>(image.channels);
    std::vector<float> plane(image.pixels.size() / channels);
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t i = 0; i < plane.size(); ++i) plane[i] = image.pixels[i * channels + c];
        const auto values = resize_plane(plane.data(), image.width, image.height, to);
        for (std::size_t i = 0; i < values.size(); ++i)
            out.pixels[i * channels + c] =
                static_cast<std::uint8_t>(std::clamp(std::nearbyint(values[i]), 0.0F, 255.0F));
    }
    return out;
}

} // namespace

Image resize(const Image& image, const Placement& to) {
    if (!to.filter.antialias && to.filter.interpolation != values::Interpolation::nearest)
        return resize_in_floats(image, to);
    const bool wide = to.width != image.width, high = to.height != image.height;
    if (!wide && !high) return cut(image, to.left, to.top, to.window_width, to.window_height);
    Taps rows;
    if (high) rows = taps(to.filter, image.height, to.height, to.top, to.window_height);
    const int top = high ? rows.begin() : to.top, bottom = high ? rows.end() : to.top + to.window_height;
    Image middle;
    if (wide) {
        middle = blank(to.window_width, bottom - top, image.channels);
        const Taps columns = taps(to.filter, image.width, to.width, to.left, to.window_width);
        if (image.channels == 1) across<1>(image, middle, columns, top);
        else across<3>(image, middle, columns, top);
        if (!high) return middle;
    } else {
        middle = cut(image, to.left, top, to.window_width, bottom - top);
    }
    Image out = blank(to.window_width, to.window_height, image.channels);
    down(middle, out, rows, top);
    return out;
}

Image resize(const Image& image, int width, int height) {
    return resize(image, Placement{width, height, 0, 0, width, height});
}

Bands resize(const Bands& bands, const Placement& to) {
    Bands out{to.window_width, to.window_height, bands.channels, {}, false};
    out.values.reserve(out.plane() * static_cast<std::size_t>(bands.channels));
    for (std::size_t c = 0; c < static_cast<std::size_t>(bands.channels); ++c) {
        const auto plane = resize_plane(bands.values.data() + c * bands.plane(), bands.width, bands.height, to);
        out.values.insert(out.values.end(), plane.begin(), plane.end());
    }
    return out;
}

Image pad(Image image, const Placement& to, std::span<const std::uint8_t> fill) {
    if (!to.pads()) return image;
    Image out = blank(to.canvas_width, to.canvas_height, image.channels);
    const auto channels = static_cast<std::size_t>(image.channels);
    for (std::size_t i = 0; i < out.pixels.size(); i += channels) std::copy_n(fill.begin(), channels, &out.pixels[i]);
    for (int y = 0; y < image.height; ++y)
        std::copy_n(image.row(y), image.stride(),
                    out.row(to.pad_top + y) + static_cast<std::size_t>(to.pad_left) * channels);
    return out;
}

Bands pad(Bands bands, const Placement& to) {
    if (!to.pads()) return bands;
    Bands out{to.canvas_width, to.canvas_height, bands.channels, {}, false};
    out.values.resize(out.plane() * static_cast<std::size_t>(bands.channels));
    const auto width = static_cast<std::size_t>(bands.width);
    for (std::size_t c = 0; c < static_cast<std::size_t>(bands.channels); ++c)
        for (int y = 0; y < bands.height; ++y)
            std::copy_n(
                &bands.values[c * bands.plane() + static_cast<std::size_t>(y) * width], width,
                &out.values[c * out.plane() +
                            static_cast<std::size_t>(to.pad_top + y) * static_cast<std::size_t>(to.canvas_width) +
                            static_cast<std::size_t>(to.pad_left)]);
    return out;
}

} // namespace millrace::inference::worker
