// A version's files on their way to a worker.
#pragma once
#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "inference/frames/frame.hpp"
#include "inference/prediction.hpp"

#include <vector>

namespace millrace::inference {

// The model file, then the files beside it, each read-only and at offset 0. internal, naming the one that cannot be
// opened.
Result<std::vector<Descriptor>> open_model_files(const ModelVersion& version);

// What goes with these descriptors.
frame::Load load_message(std::uint32_t model, const ModelVersion& version);

} // namespace millrace::inference
