#include "inference/worker/image/image_placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace millrace::inference::worker {
namespace {

int at_least_one(std::int64_t side) { return static_cast<int>(std::clamp<std::int64_t>(side, 1, 1 << 30)); }

// torchvision's Resize(size, max_size): the other side is truncated.
void follow_shorter(Placement& to, std::int64_t width, std::int64_t height, const values::ImageRule& rule) {
    std::int64_t shorter = rule.resize_shorter, longer = shorter * std::max(width, height) / std::min(width, height);
    if (rule.resize_most > 0 && longer > rule.resize_most) {
        shorter = rule.resize_most * shorter / longer;
        longer = rule.resize_most;
    }
    to.width = at_least_one(width <= height ? shorter : longer);
    to.height = at_least_one(width <= height ? longer : shorter);
}

void follow_longer(Placement& to, std::int64_t width, std::int64_t height, std::int64_t longer) {
    to.width = at_least_one(width >= height ? longer : longer * width / height);
    to.height = at_least_one(width >= height ? longer * height / width : longer);
}

// As large as fits, in proportion; sides are rounded as Python does it, half to even.
void fit(Placement& to, int width, int height, const values::ImageRule& rule) {
    double ratio = std::min(static_cast<double>(rule.height) / height, static_cast<double>(rule.width) / width);
    if (!rule.letterbox->enlarge) ratio = std::min(ratio, 1.0);
    to.width = std::clamp(static_cast<int>(std::nearbyint(width * ratio)), 1, rule.width);
    to.height = std::clamp(static_cast<int>(std::nearbyint(height * ratio)), 1, rule.height);
    to.canvas_width = rule.width;
    to.canvas_height = rule.height;
    if (!rule.letterbox->centered) return;
    to.pad_left = (rule.width - to.width) / 2;
    to.pad_top = (rule.height - to.height) / 2;
}

void crop_middle(Placement& to, const values::ImageRule& rule) {
    const auto middle = [](int whole, int part) { // half to even, as Python rounds
        return static_cast<int>(std::nearbyint((whole - part) / 2.0));
    };
    to.window_width = rule.width;
    to.window_height = rule.height;
    to.left = middle(to.width, to.window_width);
    to.top = middle(to.height, to.window_height);
}

void check_sides(const Placement& to, const values::ImageRule& rule) {
    if (std::min(to.width, to.height) >= rule.least_side && std::max(to.width, to.height) <= rule.most_side) return;
    throw InputError{
        fmt::format("the picture would be given to the model with {} x {} pixels; it takes sides of {} to {}", to.width,
                    to.height, rule.least_side, rule.most_side)};
}

} // namespace

Placement placement(int width, int height, const values::ImageRule& rule) {
    Placement to;
    to.filter = {rule.interpolation, rule.antialias};
    if (rule.letterbox) {
        fit(to, width, height, rule);
    } else if (rule.resize_shorter > 0) {
        follow_shorter(to, width, height, rule);
    } else if (rule.resize_longer > 0) {
        follow_longer(to, width, height, rule.resize_longer);
    } else {
        to.width = rule.open() ? width : rule.resize_width;
        to.height = rule.open() ? height : rule.resize_height;
    }
    if (!rule.open() && !rule.letterbox) {
        crop_middle(to, rule);
        return to;
    }
    to.window_width = to.width;
    to.window_height = to.height;
    if (!rule.open()) return to;
    check_sides(to, rule);
    const auto up = [&](int side) { return (side + rule.multiple_of - 1) / rule.multiple_of * rule.multiple_of; };
    to.canvas_width = up(to.width);
    to.canvas_height = up(to.height);
    return to;
}

PictureGeometry geometry(int width, int height, const Placement& to) {
    return {width,
            height,
            to.pads() ? to.canvas_width : to.window_width,
            to.pads() ? to.canvas_height : to.window_height,
            static_cast<double>(to.width) / width,
            static_cast<double>(to.height) / height,
            static_cast<double>(to.pad_left - to.left),
            static_cast<double>(to.pad_top - to.top)};
}

} // namespace millrace::inference::worker
