// What becomes of the outputs, and what each task demands of them.
#include "values/manifest_reader.hpp"

#include <algorithm>
#include <functional>

namespace millrace::values {
namespace {

std::vector<std::uint32_t> read_colors(Part& part) {
    std::vector<std::uint32_t> colors;
    const auto* value = part.value("colors");
    if (!value) return colors;
    if (!value->is_array()) return part.refuse("\"colors\" must be an array"), colors;
    for (const auto& element : value->get_array()) {
        const auto color = color_in(element);
        if (!color) return part.refuse("\"colors\" must be strings such as \"#1f77b4\""), colors;
        colors.push_back(*color);
    }
    return colors;
}

bool is_map(PostprocessKind kind) {
    return kind == PostprocessKind::argmax_map || kind == PostprocessKind::sigmoid_map;
}
bool is_sigmoid(PostprocessKind kind) {
    return kind == PostprocessKind::sigmoid || kind == PostprocessKind::sigmoid_map;
}
bool ranks(PostprocessKind kind) {
    return kind == PostprocessKind::softmax_top_k || kind == PostprocessKind::top_k || kind == PostprocessKind::sigmoid;
}

// One logit a label, or one that decides between two.
void check_sigmoid(Part& root, const Manifest& m) {
    const auto& output = m.outputs.front();
    const bool one_a_label = output.shape == Shape{static_cast<std::int64_t>(m.labels.size())};
    if (!is_floating(output.datatype) || !(one_a_label || decides_between_two(m)))
        return root.refuse("output: must be FP32 (or FP64, FP16, BF16) with the shape [{}], one value a label; or for "
                           "two labels [1], one value "
                           "that says how likely the second is",
                           m.labels.size());
    const std::size_t wanted = decides_between_two(m) ? 1 : m.labels.size();
    if (m.postprocess.thresholds.size() != wanted)
        root.refuse("postprocess: \"thresholds\" needs {} number{}, one a label", wanted, wanted == 1 ? "" : "s");
}

void check_classes(Part& root, const Manifest& m) {
    const auto classes = static_cast<std::int64_t>(m.labels.size());
    const auto& output = m.outputs.front();
    if (!ranks(m.postprocess.kind))
        return root.refuse("task {} needs postprocess softmax_top_k, top_k or sigmoid", name(m.task));
    if (classes < 1) return root.refuse("task {} needs \"labels\"", name(m.task));
    if (m.postprocess.kind == PostprocessKind::sigmoid) check_sigmoid(root, m);
    else if (!is_floating(output.datatype) || output.shape != Shape{classes})
        return root.refuse("output: must be FP32 (or FP64, FP16, BF16) with the shape [{}], one value a label",
                           classes);
    if (m.postprocess.top_k > classes)
        root.refuse("postprocess: \"top_k\" is {}, but there are {} labels", m.postprocess.top_k, classes);
}

void check_map(Part& root, const Manifest& m) {
    const auto classes = static_cast<std::int64_t>(m.labels.size());
    const auto& output = m.outputs.front();
    if (!is_map(m.postprocess.kind))
        return root.refuse("task pixel_classification needs postprocess argmax_map or sigmoid_map");
    if (classes < 1 || classes > 256) return root.refuse("task pixel_classification needs 1 to 256 \"labels\"");
    const bool one_plane = m.postprocess.kind == PostprocessKind::sigmoid_map;
    if (one_plane && (classes != 2 || m.postprocess.thresholds.size() != 1))
        return root.refuse(
            "postprocess sigmoid_map needs two \"labels\", and one \"threshold\" from which on a pixel has the second");
    const auto planes = one_plane ? 1 : classes;
    const bool bare = one_plane && output.shape.size() == 2;
    if (!is_floating(output.datatype) || (!bare && (output.shape.size() != 3 || output.shape[0] != planes)))
        return root.refuse("output: must be FP32 (or FP64, FP16, BF16) with the shape [{},rows,columns]{}", planes,
                           one_plane ? " or [rows,columns]" : ", one plane a label");
    if (m.postprocess.colors.size() != m.labels.size())
        root.refuse("postprocess: \"colors\" needs {} colours, one a label", classes);
}

void check_values(Part& root, const Manifest& m) {
    const auto count = static_cast<std::int64_t>(m.labels.size());
    const auto& output = m.outputs.front();
    if (m.postprocess.kind != PostprocessKind::values) return root.refuse("task regression needs postprocess values");
    if (count < 1) return root.refuse("task regression needs \"labels\", the names of the values");
    const bool one = count == 1 && output.shape.empty();
    if (!is_floating(output.datatype) || !(one || output.shape == Shape{count}))
        root.refuse("output: must be FP32 (or FP64, FP16, BF16) with the shape [{}], one value a label", count);
}

// "threshold" for all, or "thresholds", one a label.
std::vector<double> read_thresholds(Part& part, const Manifest& m) {
    if (part.has("threshold") && part.has("thresholds")) part.refuse("has both \"threshold\" and \"thresholds\"");
    auto each = part.numbers("thresholds");
    for (const double value : each)
        if (!(value >= 0 && value <= 1)) part.refuse("\"thresholds\" must be probabilities, from 0 to 1");
    if (part.has("thresholds")) return each;
    const double all = part.number("threshold", 0, 1).value_or(0.5);
    const bool single = part.ok() && (decides_between_two(m) || m.postprocess.kind == PostprocessKind::sigmoid_map);
    return std::vector<double>(single ? 1 : m.labels.size(), all);
}

} // namespace

bool is_floating(Datatype type) {
    return type == Datatype::fp32 || type == Datatype::fp64 || type == Datatype::fp16 || type == Datatype::bf16;
}

bool decides_between_two(const Manifest& m) {
    const auto& shape = m.outputs.front().shape;
    return m.labels.size() == 2 && (shape.empty() || shape == Shape{1});
}

void read_postprocess(Part& root, Manifest& m) {
    auto& rule = m.postprocess;
    auto part = root.part("postprocess");
    if (!part) {
        if (m.task == Task::regression) rule.kind = PostprocessKind::values;
        else if (m.task != Task::tensor) root.refuse("\"postprocess\" must be an object");
        return;
    }
    const auto usual = m.task == Task::regression ? PostprocessKind::values : PostprocessKind::raw;
    rule.kind = m.task == Task::regression ? part->choice_or("kind", postprocess_names(), usual)
                                           : part->choice<PostprocessKind>("kind", postprocess_names()).value_or(usual);
    if (rule.kind == PostprocessKind::objects) {
        part->only({"kind", "detections", "boxes", "scores", "labels", "format", "columns", "activation", "normalized",
                    "threshold", "nms", "max_objects", "first_label"});
        rule.objects = read_objects(*part, m);
        return;
    }
    part->only({"kind", "top_k", "colors", "probabilities", "threshold", "thresholds"});
    const auto labels = static_cast<std::int64_t>(std::max<std::size_t>(1, m.labels.size()));
    rule.top_k = static_cast<int>(part->integer("top_k", 1, 1000).value_or(std::min<std::int64_t>(5, labels)));
    rule.colors = read_colors(*part);
    rule.probabilities = part->truth("probabilities").value_or(false);
    if (rule.probabilities && rule.kind == PostprocessKind::softmax_top_k) {
        rule.kind = PostprocessKind::top_k; // the same, said in another way
        rule.probabilities = false;
    }
    if (!is_sigmoid(rule.kind)) part->none_of({"threshold", "thresholds"}, "the kinds sigmoid and sigmoid_map");
    else rule.thresholds = read_thresholds(*part, m);
    if (rule.probabilities && !is_sigmoid(rule.kind))
        part->refuse("\"probabilities\" belongs to the kinds softmax_top_k, sigmoid and sigmoid_map");
    if (!rule.colors.empty() && !is_map(rule.kind))
        part->refuse("\"colors\" belongs to the kinds argmax_map and sigmoid_map");
}

void check_task(Part& root, const Manifest& m) {
    switch (m.task) {
    case Task::image_classification:
    case Task::classification: check_classes(root, m); break;
    case Task::pixel_classification: check_map(root, m); break;
    case Task::regression: check_values(root, m); break;
    case Task::object_detection: check_objects(root, m); break;
    case Task::chain: break; // its steps have tasks of their own
    case Task::tensor:
        if (m.postprocess.kind != PostprocessKind::raw) root.refuse("task tensor needs postprocess raw");
        break;
    }
    if (m.task != Task::tensor && m.task != Task::object_detection && m.outputs.front().optional)
        root.refuse("the first output cannot be optional: task {} is about it", name(m.task));
}

json::object postprocess_json(const Manifest& m) {
    const auto& rule = m.postprocess;
    json::object object{{"kind", name(rule.kind)}};
    if (ranks(rule.kind)) object["top_k"] = rule.top_k;
    if (is_map(rule.kind)) {
        json::array colors;
        for (const auto color : rule.colors) colors.emplace_back(fmt::format("#{:06x}", color));
        object["colors"] = std::move(colors);
    }
    if (rule.kind == PostprocessKind::objects) write_objects(m, object);
    if (is_sigmoid(rule.kind)) {
        object["probabilities"] = rule.probabilities;
        const auto& all = rule.thresholds;
        const bool one = std::adjacent_find(all.begin(), all.end(), std::not_equal_to<>{}) == all.end() && !all.empty();
        if (one) object["threshold"] = all.front();
        else object["thresholds"] = json::value_from(all);
    }
    return object;
}

} // namespace millrace::values
