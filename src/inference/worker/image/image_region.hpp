// Parts of a picture, and the picture in an input as JSON. Pure; InputError.
#pragma once
#include "inference/frames/region.hpp"
#include "inference/worker/image/image.hpp"

#include <string>
#include <string_view>

namespace millrace::inference::worker {

// The part of an upright picture. InputError where it does not lie within it.
Image cut(const Image& image, const Region& region);
Bands cut(const Bands& bands, const Region& region);

// The bytes of the only picture of an input that came as JSON, in any of the forms that json_input.hpp takes.
// InputError when it is anything else.
std::string picture_in_json(std::string_view text);

} // namespace millrace::inference::worker
