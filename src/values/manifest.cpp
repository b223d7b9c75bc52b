#include "values/manifest.hpp"

#include "values/manifest_reader.hpp"

#include <algorithm>
#include <set>

namespace millrace::values {
namespace {

constexpr std::size_t most_tensors = 32;

void read_identity(Part& root, Manifest& m) {
    const auto* format = root.value("format");
    boost::system::error_code failure;
    if (!format || !format->is_number() || format->to_number<std::int64_t>(failure) != 1 || failure)
        root.refuse("\"format\" must be 1");
    const auto* name = root.value("name");
    if (name && name->is_string()) m.name = std::string_view{name->get_string()};
    if (!is_model_name(m.name))
        root.refuse("\"name\" must have 1 to 64 characters of a-z 0-9 - _ . and begin with a letter or digit");
    m.description = root.text("description", 4096).value_or("");
    m.task = root.choice<Task>("task", task_names()).value_or(Task::tensor);
}

// `one`: an object, or `several`: an array of them. `read` takes the part and the name that it has by default.
template <class Read>
void read_each(Part& root, std::string_view one, std::string_view several, Read read) {
    if (root.has(one) && root.has(several)) return root.refuse("has both \"{}\" and \"{}\"", one, several);
    if (!root.has(several)) {
        if (auto part = root.part(one)) read(*part, std::string{one});
        else root.refuse("\"{}\" must be an object, or \"{}\" an array of them", one, several);
        return;
    }
    const auto* list = root.value(several);
    if (!list->is_array() || list->get_array().empty() || list->get_array().size() > most_tensors)
        return root.refuse("\"{}\" must be an array of 1 to {} objects", several, most_tensors);
    std::size_t place = 0;
    const bool alone = list->get_array().size() == 1;
    for (const auto& element : list->get_array()) {
        if (!element.is_object()) return root.refuse("\"{}\" must be an array of objects", several);
        auto part = root.inside(element.get_object(), fmt::format("{}[{}]", several, place++));
        read(part, alone ? std::string{one} : "");
    }
}

void read_tensors(Part& root, Manifest& m) {
    std::set<std::string> names;
    const auto once = [&](Part& part, const TensorSpec& tensor) {
        if (!names.insert(tensor.name).second) part.refuse("\"name\": {} is there twice", tensor.name);
    };
    read_each(root, "input", "inputs", [&](Part& part, std::string name) {
        m.inputs.push_back(read_input(part, std::move(name)));
        once(part, m.inputs.back().tensor);
        if (part.ok()) link_text(part, m.inputs);
    });
    if (std::all_of(m.inputs.begin(), m.inputs.end(), [](const InputSpec& input) { return input.optional; }))
        root.refuse("at least one input must not be optional");
    names.clear();
    read_each(root, "output", "outputs", [&](Part& part, std::string name) {
        m.outputs.push_back(read_output(part, std::move(name)));
        once(part, m.outputs.back());
    });
}

// The singular where there is one.
template <class List, class Write>
void write_each(json::object& root, std::string_view one, std::string_view several, const List& list, Write write) {
    json::array objects;
    for (const auto& element : list) objects.push_back(write(element));
    if (objects.size() == 1) root[one] = std::move(objects.front());
    else root[several] = std::move(objects);
}

bool is_given(const InputSpec& input) { return input.kind != InputKind::text || input.text.part == TextPart::ids; }

} // namespace

std::size_t Manifest::given() const {
    return static_cast<std::size_t>(std::count_if(inputs.begin(), inputs.end(), is_given));
}

std::size_t Manifest::first_given() const {
    return static_cast<std::size_t>(std::find_if(inputs.begin(), inputs.end(), is_given) - inputs.begin());
}

Result<Manifest> Manifest::from_json(const json::value& value) {
    if (!value.is_object()) return Error{Code::unprocessable, "manifest: must be a JSON object"};
    std::optional<Error> problem;
    Part root{value.get_object(), "", problem};
    root.only({"format",  "name",   "description", "task",      "input",    "inputs",    "output",
               "outputs", "labels", "postprocess", "batching",  "limits",   "execution", "buffers",
               "warm_up", "cache",  "fallback",    "isolation", "accuracy", "steps"});
    Manifest m;
    read_identity(root, m);
    if (m.task == Task::chain) {
        if (root.ok()) read_steps(root, m);
        if (root.ok()) read_chain_serving(root, m);
        if (problem) return *std::move(problem);
        return m;
    }
    root.none_of({"steps"}, "the task chain");
    if (root.ok()) read_tensors(root, m);
    m.labels = root.words("labels", 65'536, 256);
    if (root.ok()) read_postprocess(root, m);
    if (root.ok()) read_serving(root, m);
    if (root.ok()) check_task(root, m);
    if (problem) return *std::move(problem);
    return m;
}

Result<Manifest> Manifest::parse(std::string_view text) {
    if (text.size() > max_manifest_bytes)
        return Error{Code::too_large, fmt::format("manifest: larger than {} bytes", max_manifest_bytes)};
    auto value = parse_json(text);
    if (!value) return Error{value.error().code, "manifest: text: " + value.error().detail};
    return from_json(*value);
}

json::value Manifest::only_input_json() const {
    return inputs.size() == 1 ? json::value(input_json(inputs.front(), inputs)) : json::value(nullptr);
}

json::object Manifest::to_json() const {
    json::object root{{"format", format}, {"name", name}, {"description", description}, {"task", values::name(task)}};
    if (task == Task::chain) {
        root["steps"] = steps_json(steps);
        write_chain_serving(*this, root);
        return root;
    }
    write_each(root, "input", "inputs", inputs, [this](const InputSpec& input) { return input_json(input, inputs); });
    write_each(root, "output", "outputs", outputs, output_json);
    root["labels"] = json::value_from(labels);
    root["postprocess"] = postprocess_json(*this);
    write_serving(*this, root);
    return root;
}

} // namespace millrace::values
