#include "model/manifest.hpp"

#include "base/encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace millrace::model {
namespace {

constexpr std::array task_names{std::string_view{"image_classification"}, std::string_view{"pixel_classification"},
                                std::string_view{"classification"}, std::string_view{"tensor"}};
constexpr std::array kind_names{std::string_view{"image"}, std::string_view{"tensor"}, std::string_view{"text"},
                                std::string_view{"row"}};
constexpr std::array color_names{std::string_view{"gray"}, std::string_view{"rgb"}, std::string_view{"bands"}};
constexpr std::array layout_names{std::string_view{"chw"}, std::string_view{"hwc"}};
constexpr std::array tokenizer_names{std::string_view{"bytes"}, std::string_view{"words"}, std::string_view{"word_pieces"}};
constexpr std::array precision_names{std::string_view{"fp32"}, std::string_view{"bf16"}};
constexpr std::array postprocess_names{std::string_view{"softmax_top_k"}, std::string_view{"argmax_map"},
                                       std::string_view{"raw"}};

Error wrong(std::string_view what) { return {Code::unprocessable, "manifest: " + std::string{what}}; }

template <class... Args>
Error wrong(fmt::format_string<Args...> format, Args&&... args) {
    return wrong(fmt::format(format, std::forward<Args>(args)...));
}

Error within(std::string_view part, const Error& error) {
    return {error.code, fmt::format("manifest: {}: {}", part, error.detail)};
}

template <class Enum, std::size_t N>
Result<Enum> choice(const json::object& object, std::string_view part, std::string_view member,
                    const std::array<std::string_view, N>& names) {
    const auto* value = field(object, member);
    if (value && value->is_string()) {
        const std::string_view text{value->get_string().data(), value->get_string().size()};
        for (std::size_t i = 0; i < N; ++i)
            if (names[i] == text) return static_cast<Enum>(i);
    }
    return wrong("{}{}\"{}\" must be one of {}", part, part.empty() ? "" : ": ", member, fmt::join(names, ", "));
}

Result<const json::object*> object_field(const json::object& object, std::string_view name, bool needed) {
    const auto* value = field(object, name);
    if (!value && !needed) return static_cast<const json::object*>(nullptr);
    if (!value || !value->is_object()) return wrong("\"{}\" must be an object", name);
    return &value->get_object();
}

Result<std::vector<double>> numbers_field(const json::object& object, std::string_view name) {
    std::vector<double> numbers;
    const auto* value = field(object, name);
    if (!value) return numbers;
    if (!value->is_array()) return wrong("\"{}\" must be an array of numbers", name);
    for (const auto& element : value->get_array()) {
        boost::system::error_code failure;
        const double number = element.to_number<double>(failure);
        if (!element.is_number() || failure || !(std::abs(number) <= 1e30))
            return wrong("\"{}\" must be an array of finite numbers", name);
        numbers.push_back(number);
    }
    return numbers;
}

Result<Shape> shape_field(const json::object& object, std::string_view part) {
    const auto* value = field(object, "shape");
    if (!value || !value->is_array() || value->get_array().size() >= max_rank) // the batch dimension comes on top
        return wrong("{}: \"shape\" must be an array of at most {} dimensions, without the batch", part, max_rank - 1);
    Shape shape;
    for (const auto& element : value->get_array()) {
        boost::system::error_code failure;
        const auto dimension = element.to_number<std::int64_t>(failure);
        if (!element.is_number() || failure || dimension == 0 || dimension < -1 || dimension > (1 << 24))
            return wrong("{}: \"shape\" must have dimensions from 1 to {}, or -1 for any", part, 1 << 24);
        shape.push_back(dimension);
    }
    Shape fixed = shape;
    std::replace(fixed.begin(), fixed.end(), std::int64_t{-1}, std::int64_t{1});
    const auto count = element_count(fixed);
    if (!count || *count > (std::uint64_t{1} << 28)) return wrong("{}: \"shape\" has too many elements", part);
    return shape;
}

Result<TensorSpec> tensor_spec(const json::object& object, std::string_view part) {
    TensorSpec spec;
    auto name = string_field(object, "name", 128);
    if (!name) return within(part, name.error());
    spec.name = name->value_or(std::string{part});
    if (spec.name.empty()) return wrong("{}: \"name\" must not be empty", part);
    auto type = string_field(object, "datatype", 16);
    if (!type) return within(part, type.error());
    const auto parsed = datatype(type->value_or("FP32"));
    if (!parsed) return wrong("{}: unknown \"datatype\" {}", part, **type);
    if (*parsed == Datatype::fp16 || *parsed == Datatype::bf16)
        return wrong("{}: datatype {} is not supported at the model's edge; convert inside the model", part, **type);
    spec.datatype = *parsed;
    auto shape = shape_field(object, part);
    if (!shape) return shape.error();
    spec.shape = std::move(*shape);
    return spec;
}

Result<ImageRule> image_rule(const json::object& object, const TensorSpec& tensor) {
    ImageRule rule;
    auto color = choice<ImageColor>(object, "input", "color", color_names);
    if (!color) return color.error();
    rule.color = *color;
    const std::size_t channels = rule.color == ImageColor::gray ? 1 : 3;
    const auto& shape = tensor.shape;
    if (tensor.datatype != Datatype::fp32) return wrong("input: an image is given to the model as FP32");
    if (shape.size() != 3 || shape[0] != static_cast<std::int64_t>(channels) || shape[1] < 1 || shape[2] < 1 ||
        shape[1] > 4096 || shape[2] > 4096)
        return wrong("input: an image of color {} needs the shape [{},height,width] with sides of 1 to 4096",
                     name(rule.color), channels);
    rule.channels = static_cast<int>(channels);
    rule.height = rule.resize_height = static_cast<int>(shape[1]);
    rule.width = rule.resize_width = static_cast<int>(shape[2]);

    auto resize = numbers_field(object, "resize");
    if (!resize) return resize.error();
    if (!resize->empty() && (resize->size() != 2 || (*resize)[0] != rule.height || (*resize)[1] != rule.width))
        return wrong("input: \"resize\" must be [height,width] as in \"shape\"");
    auto scale = number_field(object, "scale", -1e6, 1e6);
    if (!scale) return within("input", scale.error());
    rule.scale = scale->value_or(1.0 / 255);
    auto mean = numbers_field(object, "mean"), deviation = numbers_field(object, "std");
    if (!mean) return mean.error();
    if (!deviation) return deviation.error();
    rule.mean = mean->empty() ? std::vector<double>(channels, 0.0) : std::move(*mean);
    rule.deviation = deviation->empty() ? std::vector<double>(channels, 1.0) : std::move(*deviation);
    if (rule.mean.size() != channels || rule.deviation.size() != channels)
        return wrong("input: \"mean\" and \"std\" need {} values, one a channel", channels);
    if (std::any_of(rule.deviation.begin(), rule.deviation.end(), [](double d) { return std::abs(d) < 1e-12; }))
        return wrong("input: \"std\" must not be zero");
    return rule;
}

Result<InputSpec> input_spec(const json::object& object) {
    if (auto known =
            only_fields(object, {"name", "kind", "datatype", "shape", "color", "resize", "scale", "mean", "std"});
        !known)
        return within("input", known.error());
    InputSpec input;
    auto tensor = tensor_spec(object, "input");
    if (!tensor) return tensor.error();
    input.tensor = std::move(*tensor);
    auto kind = choice<InputKind>(object, "input", "kind", kind_names);
    if (!kind) return kind.error();
    input.kind = *kind;
    if (input.kind == InputKind::image) {
        auto rule = image_rule(object, input.tensor);
        if (!rule) return rule.error();
        input.image = std::move(*rule);
    } else {
        for (const auto* member : {"color", "resize", "scale", "mean", "std"})
            if (field(object, member)) return wrong("input: \"{}\" belongs to an input of kind image", member);
    }
    return input;
}

Result<std::vector<std::string>> label_list(const json::object& object) {
    std::vector<std::string> labels;
    const auto* value = field(object, "labels");
    if (!value) return labels;
    if (!value->is_array() || value->get_array().size() > 65'536)
        return wrong("\"labels\" must be an array of at most 65536 strings");
    for (const auto& element : value->get_array()) {
        if (!element.is_string() || element.get_string().empty() || element.get_string().size() > 256)
            return wrong("\"labels\" must be strings of 1 to 256 bytes");
        labels.emplace_back(element.get_string().data(), element.get_string().size());
    }
    if (std::set<std::string>(labels.begin(), labels.end()).size() != labels.size())
        return wrong("\"labels\" has the same label twice");
    return labels;
}

Result<std::uint32_t> color_value(const json::value& value) {
    if (value.is_string() && value.get_string().size() == 7 && value.get_string()[0] == '#')
        if (const auto bytes = from_hex(std::string_view{value.get_string().data() + 1, 6}))
            return std::to_integer<std::uint32_t>((*bytes)[0]) << 16 |
                   std::to_integer<std::uint32_t>((*bytes)[1]) << 8 | std::to_integer<std::uint32_t>((*bytes)[2]);
    return wrong("postprocess: \"colors\" must be strings such as \"#1f77b4\"");
}

Result<Postprocess> postprocess_rule(const json::object& root, const Manifest& manifest) {
    Postprocess rule;
    auto object = object_field(root, "postprocess", manifest.task != Task::tensor);
    if (!object) return object.error();
    if (!*object) return rule;
    if (auto known = only_fields(**object, {"kind", "top_k", "colors"}); !known)
        return within("postprocess", known.error());
    auto kind = choice<PostprocessKind>(**object, "postprocess", "kind", postprocess_names);
    if (!kind) return kind.error();
    rule.kind = *kind;
    auto top_k = integer_field(**object, "top_k", 1, 1000);
    if (!top_k) return within("postprocess", top_k.error());
    rule.top_k = static_cast<int>(top_k->value_or(
        std::min<std::int64_t>(5, static_cast<std::int64_t>(std::max<std::size_t>(1, manifest.labels.size())))));
    if (const auto* colors = field(**object, "colors")) {
        if (!colors->is_array()) return wrong("postprocess: \"colors\" must be an array");
        for (const auto& element : colors->get_array()) {
            auto color = color_value(element);
            if (!color) return color.error();
            rule.colors.push_back(*color);
        }
    }
    return rule;
}

// What each task demands of the output, the labels and the postprocessing.
Result<void> check_task(const Manifest& m) {
    const auto classes = static_cast<std::int64_t>(m.labels.size());
    const bool floating = m.outputs.front().datatype == Datatype::fp32;
    switch (m.task) {
    case Task::image_classification:
        if (m.postprocess.kind != PostprocessKind::softmax_top_k)
            return wrong("task image_classification needs postprocess softmax_top_k");
        if (classes < 1) return wrong("task image_classification needs \"labels\"");
        if (!floating || m.outputs.front().shape != Shape{classes})
            return wrong("output: must be FP32 with the shape [{}], one value a label", classes);
        if (m.postprocess.top_k > classes)
            return wrong("postprocess: \"top_k\" is {}, but there are {} labels", m.postprocess.top_k, classes);
        break;
    case Task::pixel_classification:
        if (m.postprocess.kind != PostprocessKind::argmax_map)
            return wrong("task pixel_classification needs postprocess argmax_map");
        if (classes < 1 || classes > 256) return wrong("task pixel_classification needs 1 to 256 \"labels\"");
        if (!floating || m.outputs.front().shape.size() != 3 || m.outputs.front().shape[0] != classes)
            return wrong("output: must be FP32 with the shape [{},rows,columns], one plane a label", classes);
        if (m.postprocess.colors.size() != m.labels.size())
            return wrong("postprocess: \"colors\" needs {} colours, one a label", classes);
        break;
    case Task::classification: return wrong("task classification is not read yet");
    case Task::tensor:
        if (m.postprocess.kind != PostprocessKind::raw) return wrong("task tensor needs postprocess raw");
        break;
    }
    if (!m.postprocess.colors.empty() && m.task != Task::pixel_classification)
        return wrong("postprocess: \"colors\" belongs to argmax_map");
    return success();
}

Result<void> read_limits(const json::object& root, Manifest& m) {
    auto batching = object_field(root, "batching", false);
    if (!batching) return batching.error();
    if (*batching) {
        if (auto known = only_fields(**batching, {"max_batch", "max_delay_ms"}); !known)
            return within("batching", known.error());
        auto size = integer_field(**batching, "max_batch", 1, 1024);
        auto delay = number_field(**batching, "max_delay_ms", 0, 1000);
        if (!size) return within("batching", size.error());
        if (!delay) return within("batching", delay.error());
        m.batching.max_batch = static_cast<int>(size->value_or(1));
        m.batching.max_delay_ms = delay->value_or(0);
    }
    auto limits = object_field(root, "limits", false);
    if (!limits) return limits.error();
    if (*limits) {
        if (auto known = only_fields(**limits, {"max_input_bytes", "timeout_seconds"}); !known)
            return within("limits", known.error());
        auto bytes = integer_field(**limits, "max_input_bytes", 1, std::int64_t{1} << 30);
        auto seconds = number_field(**limits, "timeout_seconds", 0.01, 3600);
        if (!bytes) return within("limits", bytes.error());
        if (!seconds) return within("limits", seconds.error());
        m.max_input_bytes = static_cast<std::uint64_t>(bytes->value_or(1 << 20));
        m.timeout_seconds = seconds->value_or(30);
    }
    auto warm_up = boolean_field(root, "warm_up");
    if (!warm_up) return within("warm_up", warm_up.error());
    m.warm_up.enabled = warm_up->value_or(true);
    return success();
}

Result<void> read_accuracy(const json::object& root, Manifest& m) {
    auto object = object_field(root, "accuracy", false);
    if (!object) return object.error();
    if (!*object) return success();
    if (auto known = only_fields(**object, {"held_out", "metric", "samples", "note"}); !known)
        return within("accuracy", known.error());
    auto held_out = number_field(**object, "held_out", -1e9, 1e9);
    auto samples = integer_field(**object, "samples", 0, std::int64_t{1} << 53);
    auto metric = string_field(**object, "metric", 64), note = string_field(**object, "note", 2048);
    if (!held_out) return within("accuracy", held_out.error());
    if (!*held_out) return wrong("accuracy: \"held_out\" is missing");
    if (!samples) return within("accuracy", samples.error());
    if (!metric) return within("accuracy", metric.error());
    if (!note) return within("accuracy", note.error());
    m.accuracy = Accuracy{**held_out, metric->value_or("accuracy"), note->value_or(""), samples->value_or(0)};
    return success();
}

Result<void> read_identity(const json::object& root, Manifest& m) {
    auto format = integer_field(root, "format", 0, 1'000'000);
    if (!format || *format != std::optional<std::int64_t>{1}) return wrong("\"format\" must be 1");
    auto model_name = string_field(root, "name", 64);
    if (!model_name || !*model_name || !is_model_name(**model_name))
        return wrong("\"name\" must have 1 to 64 characters of a-z 0-9 - _ . and begin with a letter or digit");
    m.name = **model_name;
    auto description = string_field(root, "description", 4096);
    if (!description) return within("description", description.error());
    m.description = description->value_or("");
    auto task = choice<Task>(root, "", "task", task_names);
    if (!task) return task.error();
    m.task = *task;
    return success();
}

bool is_word(std::string_view text, std::size_t longest) {
    const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= longest && alphanumeric(text[0]) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

json::object tensor_json(const TensorSpec& spec) {
    return {{"name", spec.name}, {"datatype", name(spec.datatype)}, {"shape", json::value_from(spec.shape)}};
}

} // namespace

std::string_view name(Task task) { return task_names[static_cast<std::size_t>(task)]; }
std::string_view name(InputKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }
std::string_view name(ImageColor color) { return color_names[static_cast<std::size_t>(color)]; }
std::string_view name(ImageLayout layout) { return layout_names[static_cast<std::size_t>(layout)]; }
std::string_view name(Tokenizer tokenizer) { return tokenizer_names[static_cast<std::size_t>(tokenizer)]; }
std::string_view name(Precision precision) { return precision_names[static_cast<std::size_t>(precision)]; }
std::string_view name(PostprocessKind kind) { return postprocess_names[static_cast<std::size_t>(kind)]; }

bool is_model_name(std::string_view text) { return is_word(text, 64); }
bool is_model_version(std::string_view text) { return is_word(text, 32); }

Result<Manifest> Manifest::from_json(const json::value& value) {
    if (!value.is_object()) return wrong("must be a JSON object");
    const auto& root = value.get_object();
    if (auto known = only_fields(root, {"format", "name", "description", "task", "input", "output", "labels",
                                        "postprocess", "batching", "limits", "accuracy", "warm_up"});
        !known)
        return wrong(known.error().detail);
    Manifest m;
    if (auto read = read_identity(root, m); !read) return read.error();
    auto input_object = object_field(root, "input", true), output_object = object_field(root, "output", true);
    if (!input_object) return input_object.error();
    if (!output_object) return output_object.error();
    auto input = input_spec(**input_object);
    if (!input) return input.error();
    m.inputs.push_back(std::move(*input));
    if (auto known = only_fields(**output_object, {"name", "datatype", "shape"}); !known)
        return within("output", known.error());
    auto output = tensor_spec(**output_object, "output");
    if (!output) return output.error();
    m.outputs.push_back(std::move(*output));
    auto labels = label_list(root);
    if (!labels) return labels.error();
    m.labels = std::move(*labels);
    auto postprocess = postprocess_rule(root, m);
    if (!postprocess) return postprocess.error();
    m.postprocess = std::move(*postprocess);
    if (auto read = read_limits(root, m); !read) return read.error();
    if (auto read = read_accuracy(root, m); !read) return read.error();
    if (auto sound = check_task(m); !sound) return sound.error();
    return m;
}

Result<Manifest> Manifest::parse(std::string_view text) {
    if (text.size() > max_manifest_bytes)
        return Error{Code::too_large, fmt::format("manifest: larger than {} bytes", max_manifest_bytes)};
    auto value = parse_json(text);
    if (!value) return within("text", value.error());
    return from_json(*value);
}

json::object Manifest::to_json() const {
    const InputSpec& input = inputs.front();
    json::object in = tensor_json(input.tensor);
    in["kind"] = model::name(input.kind);
    if (input.kind == InputKind::image) {
        in["color"] = model::name(input.image.color);
        in["resize"] = json::array{input.image.height, input.image.width};
        in["scale"] = input.image.scale;
        in["mean"] = json::value_from(input.image.mean);
        in["std"] = json::value_from(input.image.deviation);
    }
    json::object post{{"kind", model::name(postprocess.kind)}};
    if (postprocess.kind == PostprocessKind::softmax_top_k) post["top_k"] = postprocess.top_k;
    if (postprocess.kind == PostprocessKind::argmax_map) {
        json::array colors;
        for (const auto color : postprocess.colors) colors.emplace_back(fmt::format("#{:06x}", color));
        post["colors"] = std::move(colors);
    }
    json::object root{{"format", format},
                      {"name", name},
                      {"description", description},
                      {"task", model::name(task)},
                      {"input", std::move(in)},
                      {"output", tensor_json(outputs.front())},
                      {"labels", json::value_from(labels)},
                      {"postprocess", std::move(post)},
                      {"batching", {{"max_batch", batching.max_batch}, {"max_delay_ms", batching.max_delay_ms}}},
                      {"limits", {{"max_input_bytes", max_input_bytes}, {"timeout_seconds", timeout_seconds}}},
                      {"warm_up", warm_up.enabled}};
    if (accuracy)
        root["accuracy"] = {{"held_out", accuracy->held_out},
                            {"metric", accuracy->metric},
                            {"samples", accuracy->samples},
                            {"note", accuracy->note}};
    return root;
}

} // namespace millrace::model
