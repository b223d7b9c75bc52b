// From what a client sent to the tensors that the model takes, by the manifest. Pure; InputError.
#pragma once
#include "inference/frames/region.hpp"
#include "inference/worker/tensor/tensor_value.hpp"
#include "values/manifest.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

// One request's input: usually one row, or as many as the request brings at once.
struct DecodedInput {
    std::int64_t rows = 1;
    std::vector<TensorValue> tensors; // one for each input of the manifest; the shape is of one row, the bytes hold all
};

// The inputs in the manifest's order, those that the request leaves out as nullopt; InputError when one of these is not
// optional, or when the others differ in their rows.
DecodedInput together(std::vector<std::optional<TensorRows>> inputs, const values::Manifest& manifest);
DecodedInput together(TensorRows only);

// Texts of an open length that came as numbers: no longer than the model takes. InputError.
void check_lengths(const DecodedInput& input, const values::Manifest& manifest);

// `media_type` must agree with the bytes; empty: the bytes tell. `regions`: of a picture only these parts, each of them
// a row; empty: the whole.
DecodedInput preprocess(std::string_view bytes, std::string_view media_type, const values::Manifest& manifest,
                        const std::vector<Region>& regions = {});

} // namespace millrace::inference::worker
