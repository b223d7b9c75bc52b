#include "api/protocol/protocol_input.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::api::protocol {
namespace {

constexpr std::uint64_t max_items = 1024; // of one request with BYTES

Error bad(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

template <class Specs, class NameOf>
std::string names(const Specs& specs, NameOf name_of) {
    std::string text;
    for (const auto& spec : specs) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", name_of(spec));
    return text;
}

const std::string& name_of(const values::InputSpec& spec) { return spec.tensor.name; }

Result<void> check_names(const InferRequest& request, const values::Manifest& manifest) {
    const auto expected = names(manifest.inputs, name_of);
    for (const auto& input : request.inputs)
        if (std::none_of(manifest.inputs.begin(), manifest.inputs.end(),
                         [&](const auto& spec) { return spec.tensor.name == input.name; }))
            return bad(fmt::format("the model has no input \"{}\"; it takes {}", input.name, expected));
    const bool text_alone = request.inputs.size() == 1 && request.inputs.front().type.bytes &&
                            manifest.given() == 1; // what goes with it is made of it
    if (text_alone) return success();
    for (const auto& spec : manifest.inputs)
        if (!spec.optional && std::none_of(request.inputs.begin(), request.inputs.end(),
                                           [&](const auto& input) { return input.name == spec.tensor.name; }))
            return bad(fmt::format("the model needs {} inputs: {}; \"{}\" is missing", manifest.inputs.size(), expected,
                                   spec.tensor.name));
    return success();
}

const values::InputSpec& spec_of(const values::Manifest& manifest, const std::string& name) {
    return *std::find_if(manifest.inputs.begin(), manifest.inputs.end(),
                         [&](const auto& spec) { return spec.tensor.name == name; });
}

Result<void> check_elements(const InputTensor& input, const values::Manifest& manifest) {
    const auto& spec = manifest.inputs[manifest.first_given()];
    if (manifest.given() != 1 || spec.kind == values::InputKind::tensor || input.name != spec.tensor.name)
        return bad(fmt::format("input \"{}\" is {}, not BYTES", input.name,
                               values::name(spec_of(manifest, input.name).tensor.datatype)));
    const bool flat = input.shape.size() == 1 || (input.shape.size() == 2 && input.shape[1] == 1);
    if (!flat || input.shape[0] < 1 || static_cast<std::uint64_t>(input.shape[0]) > max_items)
        return bad(fmt::format("input \"{}\" as BYTES has the shape [N] or [N,1], N at most {}, not {}", input.name,
                               max_items, values::shape_text(input.shape)));
    if (!input.binary_size && spec.kind == values::InputKind::image)
        return bad(fmt::format("input \"{}\" is an image, which JSON cannot carry: send it as binary", input.name));
    const auto most = static_cast<std::uint64_t>(input.shape[0]) * (manifest.max_input_bytes + 4);
    if (input.binary_size.value_or(input.bytes.size()) > most)
        return Error{Code::too_large,
                     fmt::format("input \"{}\" may have {} bytes an element, as the model's limit says", input.name,
                                 manifest.max_input_bytes)};
    return success();
}

Result<void> check_tensor(const InputTensor& input, const values::Manifest& manifest) {
    const auto& spec = spec_of(manifest, input.name).tensor;
    if (input.type.datatype != spec.datatype)
        return bad(
            fmt::format("input \"{}\" is {}, not {}", input.name, values::name(spec.datatype), name(input.type)));
    const auto row = std::span{input.shape}.subspan(std::min<std::size_t>(1, input.shape.size()));
    values::Shape expected{-1};
    expected.insert(expected.end(), spec.shape.begin(), spec.shape.end());
    if (input.shape.empty() || !spec.accepts(row))
        return bad(fmt::format("input \"{}\" has the shape {}, not {}; the first dimension is the batch", input.name,
                               values::shape_text(expected), values::shape_text(input.shape)));
    if (input.shape[0] < 1 || input.shape[0] > manifest.batching.max_batch)
        return bad(fmt::format("the batch may have 1 to {} rows, as the model's manifest says; input \"{}\" has {}",
                               manifest.batching.max_batch, input.name, input.shape[0]));
    return success();
}

Result<void> check_rows(const InferRequest& request, const values::Manifest& manifest) {
    std::uint64_t bytes = 0;
    const auto rows = request.inputs.front().shape[0];
    for (const auto& input : request.inputs) {
        if (input.shape[0] != rows)
            return bad(fmt::format("input \"{}\" has {} rows, but \"{}\" has {}: a batch has as many of each",
                                   input.name, input.shape[0], request.inputs.front().name, rows));
        bytes += *values::element_count(input.shape) * values::element_size(input.type.datatype);
    }
    if (bytes / static_cast<std::uint64_t>(rows) > manifest.max_input_bytes)
        return Error{Code::too_large,
                     fmt::format("a row may have {} bytes, as the model's limit says", manifest.max_input_bytes)};
    return success();
}

std::string_view media_type(values::InputKind kind) {
    switch (kind) {
    case values::InputKind::text: return "text/plain";
    case values::InputKind::row: return "application/json";
    default: return {}; // told by its first bytes
    }
}

Result<std::vector<inference::Input>> split_items(const InputTensor& tensor, values::InputKind kind) {
    const auto elements = split_elements(tensor.bytes, static_cast<std::size_t>(tensor.shape[0]));
    if (!elements) return bad(fmt::format("input \"{}\": {}", tensor.name, elements.error().detail));
    if (elements->size() != static_cast<std::uint64_t>(tensor.shape[0]))
        return bad(fmt::format("input \"{}\" has {} elements, but its shape says {}", tensor.name, elements->size(),
                               tensor.shape[0]));
    std::vector<inference::Input> items;
    for (const auto element : *elements) {
        inference::Input& item = items.emplace_back();
        item.media_type = media_type(kind);
        item.bytes = element;
    }
    return items;
}

} // namespace

Result<void> check_inputs(const InferRequest& request, const values::Manifest& manifest) {
    if (auto known = check_names(request, manifest); !known) return known;
    if (request.inputs.size() > 1 && request.inputs.front().type.bytes && manifest.given() == 1)
        return bad(fmt::format("input \"{}\" as BYTES is sent alone: what goes with it is made of it",
                               request.inputs.front().name));
    for (const auto& input : request.inputs) {
        const auto sound = input.type.bytes ? check_elements(input, manifest) : check_tensor(input, manifest);
        if (!sound) return sound.error();
    }
    return request.inputs.front().type.bytes ? success() : check_rows(request, manifest);
}

Result<void> check_outputs(const InferRequest& request, const values::Manifest& manifest) {
    for (const auto& output : request.outputs)
        if (std::none_of(manifest.outputs.begin(), manifest.outputs.end(),
                         [&](const auto& spec) { return spec.name == output.name; }))
            return bad(fmt::format("the model has no output \"{}\"; it gives {}", output.name,
                                   names(manifest.outputs, [](const values::TensorSpec& spec) { return spec.name; })));
    return success();
}

Result<std::vector<inference::Input>> make_inputs(InferRequest& request, const values::Manifest& manifest) {
    if (request.inputs.front().type.bytes)
        return split_items(request.inputs.front(), manifest.inputs[manifest.first_given()].kind);
    inference::Input whole;
    for (const auto& spec : manifest.inputs) {
        const auto input = std::find_if(request.inputs.begin(), request.inputs.end(),
                                        [&](const auto& i) { return i.name == spec.tensor.name; });
        if (input == request.inputs.end())
            whole.tensors.push_back({spec.tensor.name, spec.tensor.datatype, {}, {}, true});
        else
            whole.tensors.push_back(
                {input->name, input->type.datatype, std::move(input->shape), std::move(input->bytes)});
    }
    std::vector<inference::Input> inputs;
    inputs.push_back(std::move(whole));
    return inputs;
}

} // namespace millrace::api::protocol
