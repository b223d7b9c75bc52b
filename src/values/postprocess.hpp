// What becomes of a model's outputs, as its manifest declares it. Pure values; read and checked in
// manifest_postprocess.cpp, carried out by the worker (inference/worker/postprocess/postprocess.hpp).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace::values {

enum class PostprocessKind {
    softmax_top_k, // one logit a label, of which one is right: softmax, then the most likely
    argmax_map,    // one plane of values a label: each pixel has the label of its largest value
    raw,           // the tensors as they are
    top_k,         // one probability a label, of which one is right: the most likely
    sigmoid,       // one logit a label, each right or not by itself; or one logit for two labels
    sigmoid_map,   // one plane of logits for two labels: each pixel has the second from the threshold on
    values,        // one number a label: what the model estimates
    objects,       // boxes with their labels, by ObjectRule
};
std::string_view name(PostprocessKind kind);

enum class BoxFormat { xyxy, xywh, cxcywh };                      // two corners; a corner, or the centre, and the size
enum class BoxColumns { score_label, scores, objectness_scores }; // what stands behind the four numbers of a box
enum class Activation { none, sigmoid, softmax };                 // that the model has left to be taken of its scores
std::string_view name(BoxFormat format);
std::string_view name(BoxColumns columns);
std::string_view name(Activation activation);

// How a detector gives what it has found. Its outputs are named by their places in the manifest: one of all columns, or
// boxes [n,4] and scores, which are [n] beside labels [n], or [n,classes] without them.
struct ObjectRule {
    std::optional<std::size_t> detections;
    std::optional<std::size_t> boxes, scores, labels;
    BoxFormat format = BoxFormat::xyxy;
    BoxColumns columns = BoxColumns::score_label; // of `detections`
    Activation activation = Activation::none;
    bool normalized = false; // 0 to 1 of the model's picture, not its pixels
    double threshold = 0.5;  // of the score of what is reported
    std::optional<double>
        overlap; // of two boxes with one label, as intersection over union: above it the less certain is dropped
    int max_objects = 100; // the most certain ones
    int first_label = 0;   // the model's number of the manifest's first label; numbers beyond the labels are background
};

struct Postprocess { // of the first output; the others belong to `raw`
    PostprocessKind kind = PostprocessKind::raw;
    int top_k = 5;                     // labels that are reported, of the kinds that rank them
    std::vector<std::uint32_t> colors; // of the maps: 0xRRGGBB, one a label
    bool probabilities = false;        // sigmoid, sigmoid_map: the model has taken the sigmoid itself
    // A label counts from here on. sigmoid: one a label, or a single one where one logit decides between two labels;
    // sigmoid_map: a single one.
    std::vector<double> thresholds;
    ObjectRule objects; // of objects only; of the outputs that it names
};

} // namespace millrace::values
