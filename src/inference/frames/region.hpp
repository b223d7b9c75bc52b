// A part of a picture. Pure value.
#pragma once
#include <cstdint>

namespace millrace::inference {

// In pixels of the picture as its model sees it: turned upright where the manifest's orientation says so, and before
// any resizing. Within the picture, and at least one pixel wide and high.
struct Region {
    std::uint32_t x = 0, y = 0, width = 0, height = 0;

    bool operator==(const Region&) const = default;
};

} // namespace millrace::inference
