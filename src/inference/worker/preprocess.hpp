// From what a client sent to the tensors that the model takes, by the manifest. Pure; InputError.
#pragma once
#include "inference/worker/tensor_value.hpp"
#include "model/manifest.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

// One request's input: usually one row, or as many as the request brings at once.
struct DecodedInput {
    std::int64_t rows = 1;
    std::vector<PictureGeometry> pictures; // one a row, of the first input that is pictures; none where tensors came instead
    std::vector<TensorValue> tensors; // one for each input of the manifest; the shape is of one row, the bytes hold all
};

// The inputs in the manifest's order; InputError when they differ in their rows.
DecodedInput together(std::vector<TensorRows> inputs);

// `media_type` must agree with the bytes; empty: the bytes tell.
DecodedInput preprocess(std::string_view bytes, std::string_view media_type, const model::Manifest& manifest);

} // namespace millrace::inference::worker
