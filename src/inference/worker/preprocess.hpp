// From what a client sent to the tensor that the model takes, by the manifest. Pure; InputError.
#pragma once
#include "inference/worker/tensor_value.hpp"
#include "model/manifest.hpp"

#include <string_view>

namespace millrace::inference::worker {

// `media_type` must agree with the bytes; empty: the bytes tell.
TensorValue preprocess(std::string_view bytes, std::string_view media_type, const model::Manifest& manifest);

} // namespace millrace::inference::worker
