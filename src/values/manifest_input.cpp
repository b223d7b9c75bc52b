// The inputs and outputs of a manifest: their tensors, and which rule turns what a client sends into them.
#include "values/manifest_reader.hpp"

#include <algorithm>

namespace millrace::values {
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
    spec.datatype = known.value_or(Datatype::fp32);
    spec.shape = read_shape(part);
    return spec;
}

namespace {

constexpr std::size_t longest_key = 128, most_steps = 8;

// A key of a dict or a place in a list or tuple, as text.
std::optional<std::string> read_key(Part& part, const json::value& value) {
    if (const auto* place = value.if_int64(); place && *place >= 0) return std::to_string(*place);
    if (const auto* text = value.if_string();
        text && !text->empty() && text->size() <= longest_key && text->find('\x1f') == text->npos)
        return std::string{std::string_view{*text}};
    part.refuse("\"key\" must be a key of 1 to {} bytes, or a place from 0", longest_key);
    return std::nullopt;
}

} // namespace

OutputSpec read_output(Part& part, std::string default_name) {
    part.only({"name", "datatype", "shape", "key", "optional"});
    OutputSpec output{read_tensor(part, std::move(default_name)), {}, part.truth("optional").value_or(false)};
    const auto* key = part.value("key");
    if (!key) return output;
    const auto* steps = key->if_array();
    if (steps && (steps->empty() || steps->size() > most_steps))
        part.refuse("\"key\" must have 1 to {} steps", most_steps);
    for (std::size_t i = 0; part.ok() && i < (steps ? steps->size() : 1); ++i)
        if (auto step = read_key(part, steps ? (*steps)[i] : *key)) output.path.push_back(std::move(*step));
    return output;
}

json::object output_json(const OutputSpec& output) {
    auto object = tensor_json(output);
    if (output.path.size() == 1) object["key"] = output.path.front();
    else if (!output.path.empty()) object["key"] = json::value_from(output.path);
    if (output.optional) object["optional"] = true;
    return object;
}

InputSpec read_input(Part& part, std::string default_name) {
    part.only({"name",      "argument", "key",         "optional",   "kind",   "datatype", "shape",
               "color",     "layout",   "orientation", "background", "resize", "crop",     "interpolation",
               "antialias", "sides",    "multiple_of", "fill",       "scale",  "mean",     "std",
               "tokenizer", "gives",    "of",          "columns"});
    InputSpec input;
    input.tensor = read_tensor(part, std::move(default_name));
    input.kind = part.choice<InputKind>("kind", kind_names()).value_or(InputKind::tensor);
    input.argument = part.text("argument", longest_key);
    if (const auto* key = part.value("key")) input.key = read_key(part, *key);
    input.optional = part.truth("optional").value_or(false);
    if (!part.ok()) return input;
    if (input.kind != InputKind::image)
        part.none_of({"color", "layout", "orientation", "background", "resize", "crop", "interpolation", "antialias",
                      "sides", "multiple_of", "fill", "scale", "mean", "std"},
                     "an input of kind image");
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

void write_resize(const ImageRule& rule, json::object& object) {
    if (rule.letterbox) {
        object["resize"] = json::object{
            {"letterbox", true}, {"enlarge", rule.letterbox->enlarge}, {"centered", rule.letterbox->centered}};
    } else if (rule.resize_shorter > 0) {
        json::object resize{{"shorter", rule.resize_shorter}};
        if (rule.resize_most > 0) resize["max_size"] = rule.resize_most;
        object["resize"] = std::move(resize);
    } else if (rule.resize_longer > 0) {
        object["resize"] = json::object{{"longer", rule.resize_longer}};
    } else if (!rule.open()) {
        object["resize"] = json::array{rule.resize_height, rule.resize_width};
    }
    if (!rule.open() && !rule.letterbox && (rule.resize_height != rule.height || rule.resize_width != rule.width))
        object["crop"] = json::array{rule.height, rule.width};
    if (rule.interpolation != Interpolation::bilinear) object["interpolation"] = name(rule.interpolation);
    if (!rule.antialias) object["antialias"] = false;
    if (rule.open()) object["sides"] = json::array{rule.least_side, rule.most_side};
    if (rule.multiple_of > 1) object["multiple_of"] = rule.multiple_of;
    if (rule.color != ImageColor::bands && (rule.letterbox || rule.multiple_of > 1))
        object["fill"] = fmt::format("#{:06x}", rule.fill);
}

void write_image(const InputSpec& input, json::object& object) {
    const auto& rule = input.image;
    object["color"] = name(rule.color);
    if (rule.layout != ImageLayout::chw) object["layout"] = name(rule.layout);
    if (rule.orientation != Orientation::as_shown) object["orientation"] = name(rule.orientation);
    if (rule.background) object["background"] = fmt::format("#{:06x}", *rule.background);
    write_resize(rule, object);
    if (input.tensor.datatype == Datatype::uint8) return;
    object["scale"] = rule.scale;
    object["mean"] = json::value_from(rule.mean);
    object["std"] = json::value_from(rule.deviation);
}

// Braces would make an array of one.
json::value token_json(std::int64_t number, const std::string& word) {
    return word.empty() ? json::value(number) : json::value(word);
}

void write_text(const TextRule& rule, json::object& object) {
    json::object tokenizer{{"kind", name(rule.tokenizer)}, {"padding", token_json(rule.padding, rule.words.padding)}};
    const bool of_file = rule.tokenizer == Tokenizer::file;
    if (!of_file && rule.tokenizer != Tokenizer::byte_pairs) tokenizer["lowercase"] = rule.lowercase;
    if (rule.strip_accents) tokenizer["strip_accents"] = *rule.strip_accents;
    if (rule.prefix_space) tokenizer["prefix_space"] = true;
    if (rule.cut != Cut::longest_first) tokenizer["cut"] = name(rule.cut);
    if (of_file) tokenizer["file"] = rule.file;
    if (!rule.merges_file.empty()) tokenizer["merges"] = json::object{{"file", rule.merges_file}};
    if (rule.tokenizer != Tokenizer::bytes && !of_file)
        tokenizer["unknown"] = token_json(rule.unknown, rule.words.unknown);
    if (rule.begin || !rule.words.begin.empty())
        tokenizer["begin"] = token_json(rule.begin.value_or(0), rule.words.begin);
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
            if (column.unknown != UnknownCategory::refused) one["unknown"] = name(column.unknown);
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
    if (input.argument) object["argument"] = *input.argument;
    if (input.key) object["key"] = *input.key;
    if (input.optional) object["optional"] = true;
    if (input.kind == InputKind::image) write_image(input, object);
    if (input.kind == InputKind::text && input.text.part == TextPart::ids) write_text(input.text, object);
    if (input.kind == InputKind::text && input.text.part != TextPart::ids) {
        object["gives"] = name(input.text.part);
        object["of"] = all[input.text.of].tensor.name;
    }
    if (input.kind == InputKind::row) write_columns(input.columns, object);
    return object;
}

} // namespace millrace::values
