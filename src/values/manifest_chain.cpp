// The steps of a chain, as its manifest has them; what they are to each other is checked in chain.cpp.
#include "values/manifest_reader.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace millrace::values {
namespace {

constexpr std::size_t most_inputs = 32;
constexpr std::int64_t most_crops = 256, last_version = 1'000'000'000;

// An input refers to an output as STEP.OUTPUT, so a step's name has no dot.
bool is_step_name(std::string_view name) { return is_model_version(name) && name.find('.') == std::string_view::npos; }

// Members of a detector's objects, beside which the answers of crops stand.
bool is_taken(std::string_view name) { return name == "label" || name == "confidence" || name == "box"; }

std::optional<std::size_t> find_step(const std::vector<Step>& steps, std::string_view name) {
    const auto at = std::find_if(steps.begin(), steps.end(), [&](const Step& step) { return step.name == name; });
    return at == steps.end() ? std::nullopt : std::optional{static_cast<std::size_t>(at - steps.begin())};
}

// 3 or "3".
int read_version(Part& part) {
    const auto* value = part.value("version");
    if (!value) return 0;
    if (!value->is_string()) return static_cast<int>(part.integer("version", 1, last_version).value_or(0));
    const std::string_view text{value->get_string()};
    int number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() || number < 1 || number > last_version)
        part.refuse("\"version\" must be the number of a version");
    return number;
}

void refuse_unknown(Part& part, std::string_view name) {
    part.refuse("\"{}\" is none of the steps before it; a step takes what an earlier one gives", name);
}

StepInput read_step_input(Part& part, std::string_view input, const json::value& from,
                          const std::vector<Step>& earlier) {
    const std::string_view text = from.is_string() ? std::string_view{from.get_string()} : std::string_view{};
    const auto dot = text.find('.');
    if (dot == std::string_view::npos || dot + 1 == text.size()) {
        part.refuse("\"{}\" must be STEP.OUTPUT: an earlier step and one of its outputs", input);
        return {};
    }
    const auto step = find_step(earlier, text.substr(0, dot));
    if (!step) refuse_unknown(part, text.substr(0, dot));
    return {std::string{input}, step.value_or(0), std::string{text.substr(dot + 1)}};
}

std::vector<StepInput> read_inputs(Part& step, const std::vector<Step>& earlier) {
    std::vector<StepInput> inputs;
    const auto* value = step.value("inputs");
    if (!value->is_object() || value->get_object().empty() || value->get_object().size() > most_inputs) {
        step.refuse(
            "\"inputs\" must be an object of 1 to {} inputs of the model, each with the STEP.OUTPUT that it takes",
            most_inputs);
        return inputs;
    }
    auto part = step.inside(value->get_object(), step.name() + ".inputs");
    for (const auto& [input, from] : value->get_object()) inputs.push_back(read_step_input(part, input, from, earlier));
    return inputs;
}

Crop read_crop(Part& part, const std::vector<Step>& earlier) {
    part.only({"of", "most", "margin"});
    Crop crop;
    const auto of = part.text("of", 32).value_or("");
    const auto step = find_step(earlier, of);
    if (!step) refuse_unknown(part, of);
    else if (*step != 0) part.refuse("\"of\" must be the first step: no other takes the request's picture");
    crop.most = static_cast<int>(part.integer("most", 1, most_crops).value_or(crop.most));
    crop.margin = part.number("margin", 0, 10).value_or(crop.margin);
    return crop;
}

Step read_step(Part& part, const std::vector<Step>& earlier) {
    part.only({"name", "model", "version", "inputs", "crop"});
    Step step;
    step.name = part.text("name", 32).value_or("");
    if (!is_step_name(step.name))
        part.refuse("\"name\" must have 1 to 32 characters of a-z 0-9 - _ and begin with a letter or digit");
    if (find_step(earlier, step.name)) part.refuse("\"name\": {} is there twice", step.name);
    step.model = part.text("model", 64).value_or("");
    if (!is_model_name(step.model)) part.refuse("\"model\" must be the name of a model");
    step.version = read_version(part);
    const bool inputs = part.has("inputs"), crop = part.has("crop");
    if (earlier.empty() && (inputs || crop))
        part.refuse("the first step takes the request's input: it has neither \"inputs\" nor \"crop\"");
    if (!earlier.empty() && inputs == crop)
        part.refuse("a step after the first has either \"inputs\", outputs of earlier steps, or \"crop\"");
    if (part.ok() && inputs) step.inputs = read_inputs(part, earlier);
    if (part.ok() && crop)
        if (auto inner = part.part("crop")) step.crop = read_crop(*inner, earlier);
    if (step.crop && is_taken(step.name))
        part.refuse("\"name\": the objects of a detector have a member {} already; call the step otherwise", step.name);
    return step;
}

// A step whose outputs nobody takes would be run for nothing, and a detector's boxes are not tensors.
void check_use(Part& root, const std::vector<Step>& steps) {
    const bool cropping =
        std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.crop.has_value(); });
    std::set<std::size_t> used{steps.size() - 1};
    for (const auto& step : steps) {
        if (cropping && !step.inputs.empty())
            return root.refuse("\"steps\": a chain either crops pictures or hands outputs on; {} does the other",
                               title(step));
        for (const auto& input : step.inputs) used.insert(input.step);
    }
    for (std::size_t i = 0; !cropping && i < steps.size(); ++i)
        if (!used.contains(i)) return root.refuse("\"steps\": no step takes an output of {}", title(steps[i]));
}

json::object step_json(const Step& step, const std::vector<Step>& all) {
    json::object object{{"name", step.name}, {"model", step.model}};
    if (step.version > 0) object["version"] = step.version;
    if (!step.inputs.empty()) {
        json::object inputs;
        for (const auto& input : step.inputs) inputs[input.input] = all[input.step].name + "." + input.output;
        object["inputs"] = std::move(inputs);
    }
    if (step.crop)
        object["crop"] = {{"of", all[step.crop->of].name}, {"most", step.crop->most}, {"margin", step.crop->margin}};
    return object;
}

} // namespace

void read_steps(Part& root, Manifest& m) {
    root.none_of({"input", "inputs", "output", "outputs", "labels", "postprocess", "batching", "limits", "execution",
                  "buffers", "warm_up", "cache", "isolation"},
                 "the models of the steps; a chain has none");
    const auto* list = root.value("steps");
    if (!list || !list->is_array() || list->get_array().empty() || list->get_array().size() > max_steps)
        return root.refuse("\"steps\" must be an array of 1 to {} steps", max_steps);
    std::size_t place = 0;
    for (const auto& element : list->get_array()) {
        if (!element.is_object()) return root.refuse("\"steps\" must be an array of objects");
        auto part = root.inside(element.get_object(), fmt::format("steps[{}]", place++));
        auto step = read_step(part, m.steps);
        if (!root.ok()) return;
        m.steps.push_back(std::move(step));
    }
    check_use(root, m.steps);
}

json::array steps_json(const std::vector<Step>& steps) {
    json::array list;
    for (const auto& step : steps) list.push_back(step_json(step, steps));
    return list;
}

} // namespace millrace::values
