// What becomes of the outputs, and what each task demands of them.
#include "model/manifest_reader.hpp"

#include <algorithm>

namespace millrace::model {
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

void check_classes(Part& root, const Manifest& m) {
    const auto classes = static_cast<std::int64_t>(m.labels.size());
    const auto& output = m.outputs.front();
    if (m.postprocess.kind != PostprocessKind::softmax_top_k)
        return root.refuse("task {} needs postprocess softmax_top_k", name(m.task));
    if (classes < 1) return root.refuse("task {} needs \"labels\"", name(m.task));
    if (output.datatype != Datatype::fp32 || output.shape != Shape{classes})
        return root.refuse("output: must be FP32 with the shape [{}], one value a label", classes);
    if (m.postprocess.top_k > classes)
        root.refuse("postprocess: \"top_k\" is {}, but there are {} labels", m.postprocess.top_k, classes);
}

void check_map(Part& root, const Manifest& m) {
    const auto classes = static_cast<std::int64_t>(m.labels.size());
    const auto& output = m.outputs.front();
    if (m.postprocess.kind != PostprocessKind::argmax_map)
        return root.refuse("task pixel_classification needs postprocess argmax_map");
    if (classes < 1 || classes > 256) return root.refuse("task pixel_classification needs 1 to 256 \"labels\"");
    if (output.datatype != Datatype::fp32 || output.shape.size() != 3 || output.shape[0] != classes)
        return root.refuse("output: must be FP32 with the shape [{},rows,columns], one plane a label", classes);
    if (m.postprocess.colors.size() != m.labels.size())
        root.refuse("postprocess: \"colors\" needs {} colours, one a label", classes);
}

} // namespace

Postprocess read_postprocess(Part& root, const Manifest& manifest) {
    Postprocess rule;
    auto part = root.part("postprocess");
    if (!part) {
        if (manifest.task != Task::tensor) root.refuse("\"postprocess\" must be an object");
        return rule;
    }
    part->only({"kind", "top_k", "colors"});
    rule.kind = part->choice<PostprocessKind>("kind", postprocess_names()).value_or(PostprocessKind::raw);
    const auto labels = static_cast<std::int64_t>(std::max<std::size_t>(1, manifest.labels.size()));
    rule.top_k = static_cast<int>(part->integer("top_k", 1, 1000).value_or(std::min<std::int64_t>(5, labels)));
    rule.colors = read_colors(*part);
    return rule;
}

void check_task(Part& root, const Manifest& m) {
    switch (m.task) {
    case Task::image_classification:
    case Task::classification: check_classes(root, m); break;
    case Task::pixel_classification: check_map(root, m); break;
    case Task::tensor:
        if (m.postprocess.kind != PostprocessKind::raw) root.refuse("task tensor needs postprocess raw");
        break;
    }
    if (!m.postprocess.colors.empty() && m.task != Task::pixel_classification)
        root.refuse("postprocess: \"colors\" belongs to argmax_map");
}

} // namespace millrace::model
