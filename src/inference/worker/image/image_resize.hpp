// Resizing as it is done in training: by Pillow (to one step of 255), by OpenCV and by torch (image_filter.hpp). Pure.
#pragma once
#include "inference/worker/image/image.hpp"
#include "inference/worker/image/image_placement.hpp"

#include <span>

namespace millrace::inference::worker {

// The window of the placement; only that is computed, so that a large placement costs nothing.
Image resize(const Image& image, const Placement& to);
Image resize(const Image& image, int width, int height);
Bands resize(const Bands& bands, const Placement& to);

// The window on its canvas. `fill`: a value for each channel; of bands it is 0.
Image pad(Image image, const Placement& to, std::span<const std::uint8_t> fill);
Bands pad(Bands bands, const Placement& to);

} // namespace millrace::inference::worker
