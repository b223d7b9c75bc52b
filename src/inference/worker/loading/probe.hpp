// Inputs for the warm-up: the manifest's own, or made-up numbers.
#pragma once
#include "inference/torch/runtime_abi.h"
#include "inference/worker/input/preprocess.hpp"
#include "values/manifest.hpp"

#include <optional>
#include <vector>

namespace millrace::inference::worker {

// `rows` rows; nullopt when that would be too large. Throws InputError when the manifest's input does not fit the
// model.
std::optional<DecodedInput> make_probe(const values::Manifest& manifest, std::int64_t rows);

// Made-up numbers, the texts of an open length having `length` tokens (or as many as they may have).
std::optional<DecodedInput> make_text_probe(const values::Manifest& manifest, std::int64_t rows, std::int64_t length);

std::vector<mr_tensor> views_of(const DecodedInput& input); // borrows

} // namespace millrace::inference::worker
