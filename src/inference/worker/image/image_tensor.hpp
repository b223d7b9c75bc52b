// From a picture's bytes to the tensor that an input of kind image declares. Pure; InputError.
#pragma once
#include "inference/frames/region.hpp"
#include "inference/worker/image/image.hpp"
#include "inference/worker/tensor/tensor_value.hpp"

namespace millrace::inference::worker {

TensorValue image_tensor(std::string_view bytes, const values::InputSpec& input);
// Parts of the picture, which is decoded once: each is taken as a picture of its own would be, and is a row. At least
// one.
TensorRows image_tensor(std::string_view bytes, const values::InputSpec& input, const std::vector<Region>& regions);

// (value * scale - mean) / deviation by the rule, in its layout; or the bytes themselves where the tensor is UINT8.
TensorValue to_tensor(const Image& image, const values::InputSpec& input);
TensorValue to_tensor(const Bands& bands, const values::InputSpec& input);

} // namespace millrace::inference::worker
