// The kinds of postprocessing, each on its numbers alone. For postprocess.cpp; pure. They throw OutputError for
// numbers that cannot be what the manifest says they are.
#pragma once
#include "inference/worker/postprocess/postprocess.hpp"

#include <span>
#include <vector>

namespace millrace::inference::worker {

// An output's numbers as floats: borrowed where they are floats, else converted.
class FloatView {
public:
    explicit FloatView(const OutputView& output);
    FloatView(const FloatView&) = delete; // it may point into itself
    FloatView& operator=(const FloatView&) = delete;
    std::span<const float> get() const { return view_; }

private:
    std::vector<float> kept_;
    std::span<const float> view_;
};

// ---- postprocess_classes.cpp
void refuse_nan(std::span<const float> values); // OutputError
frame::TopK softmax_top_k(std::span<const float> logits, int k);
frame::TopK top_k(std::span<const float> probabilities, int k);
// A probability for each label; of one value for two labels, the second's is the value's own.
frame::Scores sigmoid(std::span<const float> values, const values::Manifest& manifest);
frame::Scores plain_values(std::span<const float> values);

// ---- postprocess_map.cpp. `shape`: planes, rows, columns; or rows, columns
frame::Map argmax_map(std::span<const float> planes, std::span<const std::int64_t> shape,
                      const std::vector<std::uint32_t>& colors);
frame::Map sigmoid_map(std::span<const float> plane, std::span<const std::int64_t> shape,
                       const values::Postprocess& rule);

// ---- postprocess_objects.cpp. In the pixels of the picture, where there is one, else as the model gives them
frame::Objects objects(std::span<const OutputView> outputs, const values::Manifest& manifest,
                       const PictureGeometry* picture);

} // namespace millrace::inference::worker
