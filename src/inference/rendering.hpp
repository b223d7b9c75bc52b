// From what the worker reports for one item to the answer that clients see. Pure. The worker is not trusted: counts, indices
// and shapes are held against the manifest.
#pragma once
#include "inference/frame.hpp"
#include "inference/prediction.hpp"

namespace millrace::inference {

Outcome render(frame::ItemResult item, const ModelVersion& model, double queue_ms);

} // namespace millrace::inference
