// Pictures for measuring a model when none are at hand.
#pragma once
#include <cstdint>
#include <string>

namespace millrace::cli {

// A PNG of soft shapes with some noise, so that its decoding costs about what a photograph's does; another for each
// `seed`. `channels` is 1 (grey) or 3 (RGB).
std::string made_picture(int width, int height, int channels, std::uint32_t seed);

} // namespace millrace::cli
