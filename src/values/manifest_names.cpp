#include "values/manifest_reader.hpp"

#include <algorithm>

namespace millrace::values {
namespace {

using Names = std::string_view[];
constexpr Names tasks = {"image_classification", "pixel_classification", "classification", "tensor",
                         "regression",           "object_detection",     "chain"};
constexpr Names kinds = {"image", "tensor", "text", "row"};
constexpr Names colors = {"gray", "rgb", "bands"};
constexpr Names layouts = {"chw", "hwc"};
constexpr Names interpolations = {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"};
constexpr Names orientations = {"as_shown", "as_stored"};
constexpr Names tokenizers = {"bytes", "words", "word_pieces", "byte_pairs", "file"};
constexpr Names cuts = {"longest_first", "only_first", "only_second"};
constexpr Names text_parts = {"ids", "attention_mask", "token_types"};
constexpr Names postprocessings = {"softmax_top_k", "argmax_map",  "raw",    "top_k",
                                   "sigmoid",       "sigmoid_map", "values", "objects"};
constexpr Names box_formats = {"xyxy", "xywh", "cxcywh"};
constexpr Names box_columns = {"score_label", "scores", "objectness_scores"};
constexpr Names activations = {"none", "sigmoid", "softmax"};
constexpr Names unknowns = {"refuse", "ignore", "own_place"};
constexpr Names precisions = {"fp32", "bf16"};
constexpr Names isolations = {"shared", "own"};

bool is_word(std::string_view text, std::size_t longest) {
    const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= longest && alphanumeric(text[0]) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

} // namespace

std::span<const std::string_view> task_names() { return tasks; }
std::span<const std::string_view> kind_names() { return kinds; }
std::span<const std::string_view> color_names() { return colors; }
std::span<const std::string_view> layout_names() { return layouts; }
std::span<const std::string_view> interpolation_names() { return interpolations; }
std::span<const std::string_view> orientation_names() { return orientations; }
std::span<const std::string_view> tokenizer_names() { return tokenizers; }
std::span<const std::string_view> cut_names() { return cuts; }
std::span<const std::string_view> text_part_names() { return text_parts; }
std::span<const std::string_view> postprocess_names() { return postprocessings; }
std::span<const std::string_view> precision_names() { return precisions; }
std::span<const std::string_view> unknown_names() { return unknowns; }
std::span<const std::string_view> box_format_names() { return box_formats; }
std::span<const std::string_view> box_column_names() { return box_columns; }
std::span<const std::string_view> activation_names() { return activations; }
std::span<const std::string_view> isolation_names() { return isolations; }

std::string_view name(Task task) { return tasks[static_cast<std::size_t>(task)]; }
std::string_view name(InputKind kind) { return kinds[static_cast<std::size_t>(kind)]; }
std::string_view name(ImageColor color) { return colors[static_cast<std::size_t>(color)]; }
std::string_view name(ImageLayout layout) { return layouts[static_cast<std::size_t>(layout)]; }
std::string_view name(Interpolation interpolation) { return interpolations[static_cast<std::size_t>(interpolation)]; }
std::string_view name(Orientation orientation) { return orientations[static_cast<std::size_t>(orientation)]; }
std::string_view name(Cut cut) { return cuts[static_cast<std::size_t>(cut)]; }
std::string_view name(TextPart part) { return text_parts[static_cast<std::size_t>(part)]; }
std::string_view name(Tokenizer tokenizer) { return tokenizers[static_cast<std::size_t>(tokenizer)]; }
std::string_view name(PostprocessKind kind) { return postprocessings[static_cast<std::size_t>(kind)]; }
std::string_view name(UnknownCategory unknown) { return unknowns[static_cast<std::size_t>(unknown)]; }
std::string_view name(BoxFormat format) { return box_formats[static_cast<std::size_t>(format)]; }
std::string_view name(BoxColumns columns) { return box_columns[static_cast<std::size_t>(columns)]; }
std::string_view name(Activation activation) { return activations[static_cast<std::size_t>(activation)]; }
std::string_view name(Precision precision) { return precisions[static_cast<std::size_t>(precision)]; }
std::string_view name(Isolation isolation) { return isolations[static_cast<std::size_t>(isolation)]; }

bool is_model_name(std::string_view text) { return is_word(text, 64); }
bool is_model_version(std::string_view text) { return is_word(text, 32); }

} // namespace millrace::values
