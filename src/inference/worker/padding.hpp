// Declared padding: the open dimensions of an input are filled up to the manifest's next bucket, so that inputs of
// several sizes share a pass.
#pragma once
#include "inference/worker/preprocess.hpp"
#include "model/manifest.hpp"

namespace millrace::inference::worker {

void pad(DecodedInput& input, const model::Manifest& manifest);

} // namespace millrace::inference::worker
