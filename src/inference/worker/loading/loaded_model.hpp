// A model that is ready to run in this worker.
#pragma once
#include "inference/worker/loading/runtime.hpp"
#include "inference/worker/passes/length_groups.hpp"
#include "values/manifest.hpp"

#include <memory>

namespace millrace::inference::worker {

struct LoadedModel {
    std::shared_ptr<Runtime::Model> runtime; // shared with the batches that use it
    std::shared_ptr<const values::Manifest> manifest;
    int threads = 1;      // of one forward pass
    int lone_threads = 1; // of one that has the machine to itself
    PassCost text_cost{}; // of texts of an open length, in milliseconds where it was measured
};

} // namespace millrace::inference::worker
