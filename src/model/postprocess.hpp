// What becomes of a model's outputs, as its manifest declares it. Pure values; read and checked in
// manifest_postprocess.cpp, carried out by the worker (inference/worker/postprocess.hpp).
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::model {

enum class PostprocessKind {
    softmax_top_k, // one logit a label, of which one is right: softmax, then the most likely
    argmax_map,    // one plane of values a label: each pixel has the label of its largest value
    raw,           // the tensors as they are
    top_k,         // one probability a label, of which one is right: the most likely
    sigmoid,       // one logit a label, each right or not by itself; or one logit for two labels
    sigmoid_map,   // one plane of logits for two labels: each pixel has the second from the threshold on
    values,        // one number a label: what the model estimates
};
std::string_view name(PostprocessKind kind);

struct Postprocess {                       // of the first output; the others belong to `raw`
    PostprocessKind kind = PostprocessKind::raw;
    int top_k = 5;                         // labels that are reported, of the kinds that rank them
    std::vector<std::uint32_t> colors;     // of the maps: 0xRRGGBB, one a label
    bool probabilities = false;            // sigmoid, sigmoid_map: the model has taken the sigmoid itself
    // A label counts from here on. sigmoid: one a label, or a single one where one logit decides between two labels;
    // sigmoid_map: a single one.
    std::vector<double> thresholds;
};

} // namespace millrace::model
