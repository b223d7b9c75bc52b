#include "inference/worker/image.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::inference::worker {
namespace {

// The triangle filter in fixed point, as Pillow computes it: every source pixel under the (widened, when
// shrinking) triangle counts, and sums are rounded to 8 bits after each direction.
constexpr int precision = 32 - 8 - 2;

struct Taps {
    int support = 0;                    // weights a destination pixel, unused ones are 0
    std::vector<int> first, count;
    std::vector<std::int32_t> weights;
};

Taps triangle(int from, int to) {
    const double scale = static_cast<double>(from) / to;
    const double stretch = std::max(1.0, scale);
    Taps taps;
    taps.support = static_cast<int>(std::ceil(stretch)) * 2 + 1;
    taps.weights.resize(static_cast<std::size_t>(to) * static_cast<std::size_t>(taps.support));
    std::vector<double> exact(static_cast<std::size_t>(taps.support));
    for (int i = 0; i < to; ++i) {
        const double center = (i + 0.5) * scale;
        const int low = std::max(0, static_cast<int>(center - stretch + 0.5));
        const int count = std::min(from, static_cast<int>(center + stretch + 0.5)) - low;
        double sum = 0;
        for (int k = 0; k < count; ++k) {
            const double distance = std::abs((k + low - center + 0.5) / stretch);
            exact[static_cast<std::size_t>(k)] = distance < 1 ? 1 - distance : 0;
            sum += exact[static_cast<std::size_t>(k)];
        }
        for (int k = 0; k < count; ++k) {
            const double weight = sum != 0 ? exact[static_cast<std::size_t>(k)] / sum : 0;
            taps.weights[static_cast<std::size_t>(i * taps.support + k)] =
                static_cast<std::int32_t>(0.5 + weight * (1 << precision));
        }
        taps.first.push_back(low);
        taps.count.push_back(count);
    }
    return taps;
}

std::uint8_t rounded(std::int64_t sum) {
    return static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> precision, 0, 255));
}

// `step`: bytes between two pixels of the direction that is resampled.
void resample_line(const std::uint8_t* from, std::size_t from_step, std::uint8_t* to, std::size_t to_step,
                   const Taps& taps) {
    for (std::size_t i = 0; i < taps.first.size(); ++i) {
        const auto* weight = taps.weights.data() + i * static_cast<std::size_t>(taps.support);
        const auto* pixel = from + static_cast<std::size_t>(taps.first[i]) * from_step;
        std::int64_t sum = 1 << (precision - 1);
        for (int k = 0; k < taps.count[i]; ++k, pixel += from_step)
            sum += static_cast<std::int64_t>(*pixel) * weight[k];
        to[i * to_step] = rounded(sum);
    }
}

Image blank(int width, int height, int channels) {
    Image image{width, height, channels, {}};
    image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                        static_cast<std::size_t>(channels));
    return image;
}

} // namespace

Image decode_image(std::string_view bytes) {
    if (is_png(bytes)) return decode_png(bytes);
    if (is_jpeg(bytes)) return decode_jpeg(bytes);
    throw InputError{"neither PNG nor JPEG"};
}

Image convert(Image image, model::ImageColor color) {
    const int wanted = color == model::ImageColor::gray ? 1 : 3;
    if (image.channels == wanted) return image;
    Image out = blank(image.width, image.height, wanted);
    const std::size_t count = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
    for (std::size_t i = 0; i < count; ++i) {
        if (wanted == 1) { // ITU-R 601-2 luma in 16-bit fixed point
            const auto* p = &image.pixels[i * 3];
            out.pixels[i] = static_cast<std::uint8_t>((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
        } else {
            std::fill_n(&out.pixels[i * 3], 3, image.pixels[i]);
        }
    }
    return out;
}

Image resize(const Image& image, int width, int height) {
    if (image.width == width && image.height == height) return image;
    const auto channels = static_cast<std::size_t>(image.channels);
    Image wide = blank(width, image.height, image.channels);
    if (image.width == width) {
        wide.pixels = image.pixels;
    } else {
        const Taps taps = triangle(image.width, width);
        for (int y = 0; y < image.height; ++y)
            for (std::size_t c = 0; c < channels; ++c)
                resample_line(image.row(y) + c, channels, wide.row(y) + c, channels, taps);
    }
    if (image.height == height) return wide;
    Image out = blank(width, height, image.channels);
    const Taps taps = triangle(image.height, height);
    const std::size_t stride = static_cast<std::size_t>(width) * channels;
    std::vector<std::int64_t> sums(stride);
    for (int y = 0; y < height; ++y) { // whole rows at a time: columns would jump through memory
        std::fill(sums.begin(), sums.end(), std::int64_t{1} << (precision - 1));
        for (int k = 0; k < taps.count[static_cast<std::size_t>(y)]; ++k) {
            const auto* row = wide.row(taps.first[static_cast<std::size_t>(y)] + k);
            const std::int64_t weight = taps.weights[static_cast<std::size_t>(y * taps.support + k)];
            for (std::size_t x = 0; x < stride; ++x) sums[x] += row[x] * weight;
        }
        auto* to = out.row(y);
        for (std::size_t x = 0; x < stride; ++x) to[x] = rounded(sums[x]);
    }
    return out;
}

std::vector<float> normalize(const Image& image, const model::ImageRule& rule) {
    const auto plane = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
    const auto channels = static_cast<std::size_t>(image.channels);
    std::vector<float> out(plane * channels);
    for (std::size_t c = 0; c < channels; ++c) {
        float table[256]; // one value for each possible byte
        for (int v = 0; v < 256; ++v)
            table[v] = static_cast<float>((v * rule.scale - rule.mean[c]) / rule.deviation[c]);
        const auto* from = image.pixels.data() + c;
        float* to = out.data() + c * plane;
        for (std::size_t i = 0; i < plane; ++i) to[i] = table[from[i * channels]];
    }
    return out;
}

} // namespace millrace::inference::worker
