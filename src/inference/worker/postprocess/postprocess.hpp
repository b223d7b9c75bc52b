// From the model's output for one item to the values that are reported, by the manifest. Pure; throws
// std::runtime_error when the output is not what the manifest promised (the model is at fault, not the input).
#pragma once
#include "inference/frames/frame.hpp"
#include "inference/worker/tensor/tensor_value.hpp"
#include "values/manifest.hpp"

#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

namespace millrace::inference::worker {

// What the model gave has the promised form, and can be no answer all the same.
struct OutputError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// One output of one item, borrowed: the shape is without the batch.
struct OutputView {
    values::Datatype datatype = values::Datatype::fp32;
    std::span<const std::int64_t> shape;
    const std::byte* data = nullptr;
    std::size_t bytes = 0;
    std::shared_ptr<const std::vector<std::byte>> kept{}; // what `data` points into, where the runtime does not keep it
    bool absent = false;                                  // the model gave none
};

// All of them against what the manifest promises.
void check_outputs(std::span<const OutputView> outputs, const values::Manifest& manifest);
frame::Tensors tensors_of(std::span<const OutputView> outputs); // copies, with the shapes as they are

// `picture`: what the item's input was made of, where that was a picture; borrowed.
frame::Outcome postprocess(std::span<const OutputView> outputs, const values::Manifest& manifest,
                           const PictureGeometry* picture = nullptr);

} // namespace millrace::inference::worker
