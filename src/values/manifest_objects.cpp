// The postprocessing of detectors: which outputs hold the boxes, and what is reported of them.
#include "values/manifest_reader.hpp"

#include <algorithm>

namespace millrace::values {
namespace {

bool is_open_or(std::int64_t dimension, std::int64_t wanted) { return dimension == wanted || dimension == -1; }

// The place of the output that `role` names, or that is called as the role.
std::optional<std::size_t> place_of(Part& part, std::string_view role, const Manifest& m) {
    const auto wanted = part.text(role, 128);
    const std::string name = wanted.value_or(std::string{role});
    for (std::size_t i = 0; i < m.outputs.size(); ++i)
        if (m.outputs[i].name == name) return i;
    if (wanted) part.refuse("\"{}\" must be the name of an output", role);
    return std::nullopt;
}

std::int64_t columns_of(const Manifest& m) {
    const auto labels = static_cast<std::int64_t>(m.labels.size());
    switch (m.postprocess.objects.columns) {
    case BoxColumns::score_label: return 6;
    case BoxColumns::scores: return 4 + labels;
    case BoxColumns::objectness_scores: return 5 + labels;
    }
    return 0;
}

void check_detections(Part& root, const Manifest& m, const OutputSpec& output) {
    const auto columns = columns_of(m);
    const auto& shape = output.shape;
    if (!is_floating(output.datatype) || shape.size() != 2 || (shape[0] != columns && shape[1] != columns))
        root.refuse("output \"{}\": must be FP32 (or FP64, FP16, BF16) with the shape [n,{}] or [{},n]: four numbers "
                    "of the box, then {}",
                    output.name, columns, columns, name(m.postprocess.objects.columns));
}

void check_boxes(Part& root, const Manifest& m) {
    const auto& rule = m.postprocess.objects;
    const auto &boxes = m.outputs[*rule.boxes], &scores = m.outputs[*rule.scores];
    if (!is_floating(boxes.datatype) || boxes.shape.size() != 2 || !is_open_or(boxes.shape[1], 4))
        return root.refuse("output \"{}\": boxes must be FP32 (or FP64, FP16, BF16) with the shape [n,4]", boxes.name);
    const std::size_t rank = rule.labels ? 1 : 2;
    if (!is_floating(scores.datatype) || scores.shape.size() != rank)
        return root.refuse("output \"{}\": scores must be FP32 (or FP64, FP16, BF16) with the shape [n] beside labels, "
                           "or [n,classes] without",
                           scores.name);
    if (rule.labels &&
        (m.outputs[*rule.labels].shape.size() != 1 || m.outputs[*rule.labels].datatype == Datatype::boolean))
        root.refuse("output \"{}\": labels must be numbers with the shape [n]", m.outputs[*rule.labels].name);
    if (rule.labels && rule.activation == Activation::softmax)
        root.refuse("postprocess: \"activation\" softmax needs scores of each class");
}

} // namespace

ObjectRule read_objects(Part& part, const Manifest& m) {
    ObjectRule rule;
    rule.boxes = place_of(part, "boxes", m);
    rule.scores = place_of(part, "scores", m);
    rule.labels = place_of(part, "labels", m);
    rule.detections = place_of(part, "detections", m);
    if (!rule.detections && !rule.boxes && m.outputs.size() == 1) rule.detections = 0;
    if (rule.detections) rule.boxes = rule.scores = rule.labels = std::nullopt;
    rule.format = part.choice_or("format", box_format_names(), BoxFormat::xyxy);
    rule.columns = part.choice_or("columns", box_column_names(), BoxColumns::score_label);
    rule.activation = part.choice_or("activation", activation_names(), Activation::none);
    rule.normalized = part.truth("normalized").value_or(false);
    rule.threshold = part.number("threshold", 0, 1).value_or(rule.threshold);
    rule.overlap = part.number("nms", 0, 1);
    rule.max_objects = static_cast<int>(part.integer("max_objects", 1, 1000).value_or(rule.max_objects));
    rule.first_label = static_cast<int>(part.integer("first_label", 0, 65'536).value_or(0));
    if (part.has("columns") && !rule.detections)
        part.refuse("\"columns\" belongs to a single output that has all of them");
    return rule;
}

void check_objects(Part& root, const Manifest& m) {
    const auto& rule = m.postprocess.objects;
    if (m.postprocess.kind != PostprocessKind::objects)
        return root.refuse("task object_detection needs postprocess objects");
    if (m.labels.empty()) return root.refuse("task object_detection needs \"labels\"");
    for (const auto place : {rule.detections, rule.boxes, rule.scores, rule.labels})
        if (place && m.outputs[*place].optional)
            return root.refuse("output \"{}\" cannot be optional: the objects are made of it", m.outputs[*place].name);
    if (rule.detections) return check_detections(root, m, m.outputs[*rule.detections]);
    if (!rule.boxes || !rule.scores)
        return root.refuse("postprocess objects needs outputs with \"boxes\" and \"scores\" (and \"labels\"), or one "
                           "with all columns as \"detections\"");
    check_boxes(root, m);
}

void write_objects(const Manifest& m, json::object& object) {
    const auto& rule = m.postprocess.objects;
    const auto put = [&](std::string_view role, std::optional<std::size_t> place) {
        if (place) object[role] = m.outputs[*place].name;
    };
    put("detections", rule.detections);
    put("boxes", rule.boxes);
    put("scores", rule.scores);
    put("labels", rule.labels);
    object["format"] = name(rule.format);
    if (rule.detections) object["columns"] = name(rule.columns);
    object["activation"] = name(rule.activation);
    object["normalized"] = rule.normalized;
    object["threshold"] = rule.threshold;
    if (rule.overlap) object["nms"] = *rule.overlap;
    object["max_objects"] = rule.max_objects;
    object["first_label"] = rule.first_label;
}

} // namespace millrace::values
