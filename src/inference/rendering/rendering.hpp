// From what the worker reports for one item to the answer that clients see. Pure. The worker is not trusted: counts,
// indices and shapes are held against the manifest.
#pragma once
#include "inference/engine/statistics.hpp"
#include "inference/frames/frame.hpp"
#include "inference/prediction.hpp"

namespace millrace::inference {

// `raw`: tensors were asked for. Of `answered` the times are shown.
Outcome render(frame::ItemResult item, const ModelVersion& model, const Answered& answered, bool raw = false);

} // namespace millrace::inference
