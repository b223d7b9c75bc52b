// The JSON forms of an input: tensors, texts, rows and pictures, for one input or for several by name. Pure;
// InputError.
#pragma once
#include "inference/worker/input/preprocess.hpp"

#include <string_view>

namespace millrace::inference::worker {

DecodedInput parse_json_input(std::string_view text, const values::Manifest& manifest);

} // namespace millrace::inference::worker
