// Where a picture comes to lie in the tensor that a model gets: stretched, cropped, filled up at its sides. Pure.
#pragma once
#include "inference/worker/image/image_filter.hpp"
#include "inference/worker/input/input_error.hpp"

namespace millrace::inference::worker {

// A picture is stretched to width x height, of which only the window is wanted; the window lies at (pad_left, pad_top)
// of the canvas. Pixels.
struct Placement {
    int width = 0, height = 0;
    int left = 0, top = 0, window_width = 0, window_height = 0;
    Filter filter{};
    int pad_left = 0, pad_top = 0, canvas_width = 0, canvas_height = 0; // the canvas is the window where these are 0

    // Nothing is to be stretched or cut of a picture of this size.
    bool keeps(int picture_width, int picture_height) const {
        return width == picture_width && height == picture_height && window_width == width && window_height == height;
    }
    bool pads() const { return canvas_width != 0 && (canvas_width != window_width || canvas_height != window_height); }
};

// Of an upright picture of this size. InputError where its sides are not those that the model takes.
Placement placement(int width, int height, const values::ImageRule& rule);

// How to get from a place in the picture to one in the tensor: x * scale_x + offset_x, y * scale_y + offset_y, and
// back. Places are counted from the corner of the first pixel, as boxes are; width and height are those of the picture
// as it is shown.
struct PictureGeometry {
    int width = 0, height = 0;
    int tensor_width = 0, tensor_height = 0;
    double scale_x = 1, scale_y = 1, offset_x = 0, offset_y = 0;

    double picture_x(double tensor_x) const { return (tensor_x - offset_x) / scale_x; }
    double picture_y(double tensor_y) const { return (tensor_y - offset_y) / scale_y; }
};
PictureGeometry geometry(int width, int height, const Placement& to);

} // namespace millrace::inference::worker
