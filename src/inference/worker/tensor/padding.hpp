// Declared padding: the open dimensions of an input are filled up to the manifest's next bucket, so that inputs of
// several sizes share a pass.
#pragma once
#include "inference/worker/input/preprocess.hpp"
#include "values/manifest.hpp"

namespace millrace::inference::worker {

void pad(DecodedInput& input, const values::Manifest& manifest);

// Texts of an open length.
bool is_open_text(const values::InputSpec& input);
// The longest of the open texts; 0 where the model has none.
std::int64_t text_length(const DecodedInput& input, const values::Manifest& manifest);
// The rows of a text, each of `length` numbers, into `to`, where each has `wide`: filled up behind with the rule's
// padding.
void pad_rows(const TensorValue& value, std::int64_t rows, std::int64_t wide, std::int64_t padding, std::byte* to);

} // namespace millrace::inference::worker
