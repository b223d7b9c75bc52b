#include "inference/worker/image/image_filter.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace millrace::inference::worker {
namespace {

using values::Interpolation;

double sinc(double x) { return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

// Keys' cubic convolution.
double cubic(double x, double a) {
    x = std::abs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

// How far a filter reaches, in source pixels where nothing is shrunk.
double reach(Interpolation interpolation) {
    switch (interpolation) {
    case Interpolation::box: return 0.5;
    case Interpolation::bicubic: return 2;
    case Interpolation::lanczos: return 3;
    default: return 1;
    }
}

double weight(Interpolation interpolation, double x) {
    switch (interpolation) {
    case Interpolation::box: return x > -0.5 && x <= 0.5 ? 1 : 0;
    case Interpolation::hamming: return std::abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * std::cos(x * std::numbers::pi)) : 0;
    case Interpolation::bicubic: return cubic(x, -0.5);
    case Interpolation::lanczos: return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    default: return std::abs(x) < 1 ? 1 - std::abs(x) : 0;
    }
}

Taps room(std::size_t support, int length) {
    Taps taps;
    taps.support = support;
    taps.weights.resize(static_cast<std::size_t>(length) * support);
    return taps;
}

// The one pixel under the middle of the destination's (Pillow), or under its corner (OpenCV, torch).
Taps nearest(bool middle, int from, int to, int start, int length) {
    const double scale = static_cast<double>(from) / to;
    Taps taps = room(1, length);
    std::fill(taps.weights.begin(), taps.weights.end(), 1.0);
    for (int i = 0; i < length; ++i) {
        taps.first.push_back(std::clamp(static_cast<int>((i + start + (middle ? 0.5 : 0.0)) * scale), 0, from - 1));
        taps.count.push_back(1);
    }
    return taps;
}

Taps averaged(Interpolation interpolation, int from, int to, int start, int length) {
    const double scale = static_cast<double>(from) / to;
    const double stretch = std::max(1.0, scale), support = reach(interpolation) * stretch;
    Taps taps = room(static_cast<std::size_t>(std::ceil(support)) * 2 + 1, length);
    for (int i = 0; i < length; ++i) {
        const double center = (i + start + 0.5) * scale;
        const int low = std::max(0, static_cast<int>(std::trunc(center - support + 0.5)));
        const int count = std::min(from, static_cast<int>(std::trunc(center + support + 0.5))) - low;
        double* weights = taps.weights.data() + static_cast<std::size_t>(i) * taps.support;
        double sum = 0;
        for (int k = 0; k < count; ++k) sum += weights[k] = weight(interpolation, (k + low - center + 0.5) / stretch);
        for (int k = 0; k < count; ++k) weights[k] = sum != 0 ? weights[k] / sum : 0;
        taps.first.push_back(low);
        taps.count.push_back(count);
    }
    return taps;
}

// The weights of pixels beyond the border go to the pixel at it.
Taps sampled(Interpolation interpolation, int from, int to, int start, int length) {
    const bool wide = interpolation == Interpolation::bicubic;
    const double scale = static_cast<double>(from) / to;
    Taps taps = room(4, length);
    for (int i = 0; i < length; ++i) {
        const double center = (i + start + 0.5) * scale - 0.5;
        const int base = static_cast<int>(std::floor(center)), low = base - (wide ? 1 : 0),
                  high = base + (wide ? 2 : 1);
        const int first = std::clamp(low, 0, from - 1), last = std::clamp(high, 0, from - 1);
        double* weights = taps.weights.data() + static_cast<std::size_t>(i) * taps.support;
        for (int at = low; at <= high; ++at) {
            const double x = at - center;
            weights[std::clamp(at, first, last) - first] += wide ? cubic(x, -0.75) : std::max(0.0, 1 - std::abs(x));
        }
        taps.first.push_back(first);
        taps.count.push_back(last - first + 1);
    }
    return taps;
}

} // namespace

Taps taps(Filter filter, int from, int to, int start, int length) {
    if (filter.interpolation == Interpolation::nearest) return nearest(filter.antialias, from, to, start, length);
    return filter.antialias ? averaged(filter.interpolation, from, to, start, length)
                            : sampled(filter.interpolation, from, to, start, length);
}

} // namespace millrace::inference::worker
