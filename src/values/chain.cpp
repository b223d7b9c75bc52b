#include "values/chain.hpp"

#include "values/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::values {
namespace {

Error wrong(const Step& step, std::string_view what) {
    return {Code::unprocessable, fmt::format("manifest: {}: {}", title(step), what)};
}

std::string described(const TensorSpec& tensor) {
    return fmt::format("{} {}", name(tensor.datatype), shape_text(tensor.shape));
}

// Can a tensor of the one shape be one of the other? An open dimension fits any.
bool may_fit(const Shape& given, const Shape& wanted) {
    return std::equal(given.begin(), given.end(), wanted.begin(), wanted.end(),
                      [](auto a, auto b) { return a == -1 || b == -1 || a == b; });
}

const OutputSpec* find_output(const Manifest& manifest, std::string_view name) {
    const auto at = std::find_if(manifest.outputs.begin(), manifest.outputs.end(),
                                 [&](const auto& output) { return output.name == name; });
    return at == manifest.outputs.end() ? nullptr : &*at;
}

std::string output_names(const Manifest& manifest) {
    std::vector<std::string_view> names;
    for (const auto& output : manifest.outputs) names.push_back(output.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

Result<void> check_input(const Step& step, const InputSpec& input, const Manifest& chain,
                         const std::vector<const Manifest*>& steps) {
    const auto& wanted = input.tensor;
    const auto at = std::find_if(step.inputs.begin(), step.inputs.end(),
                                 [&](const auto& each) { return each.input == wanted.name; });
    if (at == step.inputs.end()) {
        if (input.optional) return success();
        return wrong(step,
                     fmt::format("its model needs the input \"{}\", which \"inputs\" does not give", wanted.name));
    }
    const auto& from = chain.steps[at->step];
    const auto* output = find_output(*steps[at->step], at->output);
    if (!output)
        return wrong(step, fmt::format("\"{}.{}\": {} has no such output; it gives {}", from.name, at->output,
                                       title(from), output_names(*steps[at->step])));
    if (output->datatype != wanted.datatype || !may_fit(output->shape, wanted.shape))
        return wrong(step, fmt::format("\"{}.{}\" is {}, but the input \"{}\" takes {}", from.name, at->output,
                                       described(*output), wanted.name, described(wanted)));
    if (output->optional && !input.optional)
        return wrong(step, fmt::format("\"{}.{}\" may be missing in an answer, but the input \"{}\" must be there",
                                       from.name, at->output, wanted.name));
    return success();
}

Result<void> check_inputs(const Step& step, const Manifest& manifest, const Manifest& chain,
                          const std::vector<const Manifest*>& steps) {
    for (const auto& given : step.inputs)
        if (std::none_of(manifest.inputs.begin(), manifest.inputs.end(),
                         [&](const auto& input) { return input.tensor.name == given.input; }))
            return wrong(step, fmt::format("its model has no input \"{}\"", given.input));
    for (const auto& input : manifest.inputs)
        if (auto checked = check_input(step, input, chain, steps); !checked) return checked;
    return success();
}

bool takes_one_picture(const Manifest& manifest) {
    return manifest.inputs.size() == 1 && manifest.inputs.front().kind == InputKind::image;
}

Result<void> check_crop(const Step& step, const Manifest& manifest, const Step& finder, const Manifest& found_by) {
    if (found_by.task != Task::object_detection)
        return wrong(step, fmt::format("\"crop\" needs boxes, but {} is no detector: its task is {}", title(finder),
                                       name(found_by.task)));
    if (!takes_one_picture(found_by))
        return wrong(step, fmt::format("\"crop\" needs the picture that {} takes, which takes more or another input",
                                       title(finder)));
    if (!takes_one_picture(manifest))
        return wrong(step, "\"crop\" gives one picture, which is not what its model takes");
    if (manifest.task == Task::pixel_classification)
        return wrong(
            step,
            "a crop cannot be given to a model of task pixel_classification: a map is made of one picture at a time");
    if (manifest.inputs.front().image.orientation != found_by.inputs.front().image.orientation)
        return wrong(step, fmt::format("\"orientation\" is {} here and {} in {}: boxes would lie elsewhere",
                                       name(manifest.inputs.front().image.orientation),
                                       name(found_by.inputs.front().image.orientation), title(finder)));
    return success();
}

} // namespace

std::string title(const Step& step) {
    if (step.version == 0) return fmt::format("step \"{}\" ({})", step.name, step.model);
    return fmt::format("step \"{}\" ({}/{})", step.name, step.model, step.version);
}

bool crops(const Manifest& chain) { return !chain.steps.empty() && chain.steps.back().crop.has_value(); }

Result<void> join_steps(Manifest& chain, const std::vector<const Manifest*>& steps) {
    double seconds = 0;
    auto most_bytes = steps.front()->max_input_bytes;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const auto& step = chain.steps[i];
        const auto& manifest = *steps[i];
        if (manifest.task == Task::chain)
            return wrong(step, "it is a chain itself; a chain is made of models that are none");
        auto checked = step.crop ? check_crop(step, manifest, chain.steps[step.crop->of], *steps[step.crop->of])
                       : i > 0   ? check_inputs(step, manifest, chain, steps)
                                 : success();
        if (!checked) return checked;
        if (step.crop) most_bytes = std::min(most_bytes, manifest.max_input_bytes);
        seconds += manifest.timeout_seconds;
    }
    chain.inputs = steps.front()->inputs;
    chain.batching = steps.front()->batching;
    chain.outputs = steps.back()->outputs;
    chain.labels = steps.back()->labels;
    chain.postprocess = steps.back()->postprocess;
    chain.max_input_bytes = most_bytes;
    chain.timeout_seconds = seconds;
    return success();
}

} // namespace millrace::values
