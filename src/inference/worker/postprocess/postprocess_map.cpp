#include "inference/worker/image/image.hpp"
#include "inference/worker/postprocess/postprocess_kinds.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::inference::worker {
namespace {

// `labels`: one a pixel, row by row.
frame::Map drawn(const std::vector<std::uint8_t>& labels, std::span<const std::int64_t> size,
                 const std::vector<std::uint32_t>& colors) {
    frame::Map map{static_cast<std::uint32_t>(size[1]),
                   static_cast<std::uint32_t>(size[0]),
                   std::vector<std::uint64_t>(colors.size(), 0),
                   {}};
    for (const auto label : labels) ++map.pixels[label];
    map.png = encode_indexed_png(static_cast<int>(size[1]), static_cast<int>(size[0]), labels, colors);
    return map;
}

// The value from which on a pixel has the second label.
float turning_point(const values::Postprocess& rule) {
    const double threshold = rule.thresholds.front();
    return static_cast<float>(rule.probabilities ? threshold
                                                 : std::log(threshold / (1 - threshold))); // 0 and 1: the infinities
}

} // namespace

frame::Map argmax_map(std::span<const float> planes, std::span<const std::int64_t> shape,
                      const std::vector<std::uint32_t>& colors) {
    refuse_nan(planes);
    const auto plane = static_cast<std::size_t>(shape[1] * shape[2]);
    std::vector<std::uint8_t> best(plane, 0);
    std::vector<float> value(planes.begin(), planes.begin() + static_cast<std::ptrdiff_t>(plane));
    for (std::size_t c = 1; c < static_cast<std::size_t>(shape[0]); ++c) { // plane by plane: memory is read in order
        const float* from = planes.data() + c * plane;
        for (std::size_t i = 0; i < plane; ++i)
            if (from[i] > value[i]) {
                value[i] = from[i];
                best[i] = static_cast<std::uint8_t>(c);
            }
    }
    return drawn(best, shape.subspan(1), colors);
}

frame::Map sigmoid_map(std::span<const float> plane, std::span<const std::int64_t> shape,
                       const values::Postprocess& rule) {
    refuse_nan(plane);
    const float from = turning_point(rule);
    std::vector<std::uint8_t> labels(plane.size());
    std::transform(plane.begin(), plane.end(), labels.begin(),
                   [&](float v) { return static_cast<std::uint8_t>(v >= from); });
    return drawn(labels, shape, rule.colors);
}

} // namespace millrace::inference::worker
