// Inputs for the warm-up: the manifest's own, or made-up numbers.
#pragma once
#include "inference/torch/runtime_abi.h"
#include "inference/worker/preprocess.hpp"
#include "model/manifest.hpp"

#include <optional>
#include <vector>

namespace millrace::inference::worker {

// `rows` rows; nullopt when that would be too large. Throws InputError when the manifest's input does not fit the model.
std::optional<DecodedInput> make_probe(const model::Manifest& manifest, std::int64_t rows);

std::vector<mr_tensor> views_of(const DecodedInput& input); // borrows

} // namespace millrace::inference::worker
