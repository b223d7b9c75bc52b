// Resizing as Pillow does it (resize with BILINEAR: every source pixel under the filter counts when shrinking) and as
// torchvision places it (Resize of the shorter side, CenterCrop). Pure.
#pragma once
#include "inference/worker/image.hpp"

namespace millrace::inference::worker {

// A picture is stretched to width x height, of which only the window is wanted.
struct Placement {
    int width = 0, height = 0;
    int left = 0, top = 0, window_width = 0, window_height = 0;

    // Nothing is to be done to a picture of this size.
    bool keeps(int picture_width, int picture_height) const {
        return width == picture_width && height == picture_height && window_width == width && window_height == height;
    }
};
Placement placement(int width, int height, const model::ImageRule& rule); // of a picture of this size

// Only the window is computed, so that a large placement costs nothing.
Image resize(const Image& image, const Placement& to);
Image resize(const Image& image, int width, int height);
Bands resize(const Bands& bands, const Placement& to);

} // namespace millrace::inference::worker
