// The inputs and outputs of a manifest: their tensors, and which rule turns what a client sends into them.
#include "model/manifest_reader.hpp"

#include <algorithm>

namespace millrace::model {
namespace {

constexpr std::int64_t largest_dimension = 1 << 24;

Shape read_shape(Part& part) {
    Shape shape;
    const auto* value = part.value("shape");
    if (!value || !value->is_array() || value->get_array().size() >= max_rank) { // the batch dimension comes on top
        part.refuse("\"shape\" must be an array of at most {} dimensions, without the batch", max_rank - 1);
        return shape;
    }
    for (const auto& element : value->get_array()) {
        boost::system::error_code failure;
        const auto dimension = element.to_number<std::int64_t>(failure);
        if (!element.is_number() || failure || dimension == 0 || dimension < -1 || dimension > largest_dimension) {
            part.refuse("\"shape\" must have dimensions from 1 to {}, or -1 for any", largest_dimension);
            return shape;
        }
        shape.push_back(dimension);
    }
    Shape fixed = shape;
    std::replace(fixed.begin(), fixed.end(), std::int64_t{-1}, std::int64_t{1});
    const auto count = element_count(fixed);
    if (!count || *count > (std::uint64_t{1} << 28)) part.refuse("\"shape\" has too many elements");
    return shape;
}

} // namespace

TensorSpec read_tensor(Part& part, std::string default_name) {
    TensorSpec spec;
    if (default_name.empty() && !part.has("name")) part.refuse("\"name\" is missing: there are several");
    spec.name = part.text("name", 128).value_or(std::move(default_name));
    if (part.ok() && spec.name.empty()) part.refuse("\"name\" must not be empty");
    const auto type = part.text("datatype", 16).value_or("FP32");
    const auto known = datatype(type);
    if (!known) part.refuse("unknown \"datatype\" {}", type);
    if (known == Datatype::fp16 || known == Datatype::bf16)
        part.refuse("datatype {} is not supported at the model's edge; convert inside the model", type);
    spec.datatype = known.value_or(Datatype::fp32);
    spec.shape = read_shape(part);
    return spec;
}

InputSpec read_input(Part& part, std::string default_name) {
    part.only({"name", "kind", "datatype", "shape", "color", "layout", "orientation", "resize", "crop", "scale", "mean", "std",
               "tokenizer", "gives", "of", "columns"});
    InputSpec input;
    input.tensor = read_tensor(part, std::move(default_name));
    input.kind = part.choice<InputKind>("kind", kind_names()).value_or(InputKind::tensor);
    if (!part.ok()) return input;
    if (input.kind != InputKind::image)
        part.none_of({"color", "layout", "orientation", "resize", "crop", "scale", "mean", "std"}, "an input of kind image");
    if (input.kind != InputKind::text) part.none_of({"tokenizer", "gives", "of"}, "an input of kind text");
    if (input.kind != InputKind::row) part.none_of({"columns"}, "an input of kind row");
    switch (input.kind) {
    case InputKind::image: input.image = read_image(part, input.tensor); break;
    case InputKind::text: input.text = read_text(part, input.tensor); break;
    case InputKind::row: input.columns = read_columns(part, input.tensor); break;
    case InputKind::tensor: break;
    }
    return input;
}

json::object tensor_json(const TensorSpec& spec) {
    return {{"name", spec.name}, {"datatype", name(spec.datatype)}, {"shape", json::value_from(spec.shape)}};
}

namespace {

void write_image(const InputSpec& input, json::object& object) {
    const auto& rule = input.image;
    object["color"] = name(rule.color);
    if (rule.layout != ImageLayout::chw) object["layout"] = name(rule.layout);
    if (rule.orientation != Orientation::as_shown) object["orientation"] = name(rule.orientation);
    if (rule.resize_shorter > 0) object["resize"] = json::object{{"shorter", rule.resize_shorter}};
    else object["resize"] = json::array{rule.resize_height, rule.resize_width};
    if (rule.resize_height != rule.height || rule.resize_width != rule.width)
        object["crop"] = json::array{rule.height, rule.width};
    if (input.tensor.datatype == Datatype::uint8) return;
    object["scale"] = rule.scale;
    object["mean"] = json::value_from(rule.mean);
    object["std"] = json::value_from(rule.deviation);
}

json::value token_json(std::int64_t number, const std::string& word) { return word.empty() ? json::value{number} : json::value{word}; }

void write_text(const TextRule& rule, json::object& object) {
    json::object tokenizer{{"kind", name(rule.tokenizer)},
                           {"padding", token_json(rule.padding, rule.words.padding)}};
    const bool of_file = rule.tokenizer == Tokenizer::file;
    if (!of_file && rule.tokenizer != Tokenizer::byte_pairs) tokenizer["lowercase"] = rule.lowercase;
    if (rule.strip_accents) tokenizer["strip_accents"] = *rule.strip_accents;
    if (rule.prefix_space) tokenizer["prefix_space"] = true;
    if (rule.cut != Cut::longest_first) tokenizer["cut"] = name(rule.cut);
    if (of_file) tokenizer["file"] = rule.file;
    if (!rule.merges_file.empty()) tokenizer["merges"] = json::object{{"file", rule.merges_file}};
    if (rule.tokenizer != Tokenizer::bytes && !of_file) tokenizer["unknown"] = token_json(rule.unknown, rule.words.unknown);
    if (rule.begin || !rule.words.begin.empty()) tokenizer["begin"] = token_json(rule.begin.value_or(0), rule.words.begin);
    if (rule.end || !rule.words.end.empty()) tokenizer["end"] = token_json(rule.end.value_or(0), rule.words.end);
    if (rule.open) tokenizer["max_length"] = rule.length;
    if (!rule.vocabulary_file.empty()) tokenizer["vocabulary"] = json::object{{"file", rule.vocabulary_file}};
    else if (!rule.vocabulary.empty()) tokenizer["vocabulary"] = json::value_from(rule.vocabulary);
    object["tokenizer"] = std::move(tokenizer);
}

void write_columns(const std::vector<Column>& columns, json::object& object) {
    json::array list;
    for (const auto& column : columns) {
        json::object one{{"name", column.name}};
        if (!column.categories.empty()) {
            one["categories"] = json::value_from(column.categories);
        } else {
            one["mean"] = column.mean;
            one["std"] = column.deviation;
            if (column.missing) one["missing"] = *column.missing;
        }
        list.push_back(std::move(one));
    }
    object["columns"] = std::move(list);
}

} // namespace

json::object input_json(const InputSpec& input, const std::vector<InputSpec>& all) {
    json::object object = tensor_json(input.tensor);
    object["kind"] = name(input.kind);
    if (input.kind == InputKind::image) write_image(input, object);
    if (input.kind == InputKind::text && input.text.part == TextPart::ids) write_text(input.text, object);
    if (input.kind == InputKind::text && input.text.part != TextPart::ids) {
        object["gives"] = name(input.text.part);
        object["of"] = all[input.text.of].tensor.name;
    }
    if (input.kind == InputKind::row) write_columns(input.columns, object);
    return object;
}

} // namespace millrace::model
