// From the rows that a pass gave to what is answered for one item. Throws std::runtime_error when the outputs are not
// what the manifest promises.
#pragma once
#include "inference/worker/passes/forward.hpp"

namespace millrace::inference::worker {

// `raw`: the model's tensors, with the batch dimension, whatever the manifest's postprocessing.
frame::Outcome answer(const Item& item, const values::Manifest& manifest, bool raw);

} // namespace millrace::inference::worker
