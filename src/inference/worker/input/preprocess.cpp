#include "inference/worker/input/preprocess.hpp"

#include "inference/worker/image/image_region.hpp"
#include "inference/worker/image/image_tensor.hpp"
#include "inference/worker/input/input_form.hpp"
#include "inference/worker/input/json_input.hpp"
#include "inference/worker/input/text_tokens.hpp"
#include "inference/worker/tensor/row_tensor.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

using values::InputKind;

TensorRows one_row(TensorValue value) { return {1, std::move(value)}; }

// The text's input and those that go with it; a model that takes anything else has been refused before.
DecodedInput one_text(std::string_view text, const values::Manifest& manifest) {
    std::vector<std::optional<TensorRows>> inputs;
    for (const auto& input : manifest.inputs) inputs.push_back(one_row(text_tensor(text, std::nullopt, input)));
    return together(std::move(inputs), manifest);
}

// The array of each input by its name; one alone may have any.
DecodedInput from_npz(std::string_view bytes, const values::Manifest& manifest) {
    const auto arrays = unpack_npz(bytes);
    if (manifest.inputs.size() == 1 && arrays.size() == 1)
        return together(parse_npy(arrays.front().second, manifest.inputs.front().tensor));
    std::vector<std::optional<TensorRows>> inputs;
    std::size_t used = 0;
    for (const auto& input : manifest.inputs) {
        const auto found = std::find_if(arrays.begin(), arrays.end(),
                                        [&](const auto& array) { return array.first == input.tensor.name; });
        auto& each = inputs.emplace_back();
        if (found == arrays.end() && !input.optional)
            throw InputError{fmt::format("the .npz file has no array \"{}\"", input.tensor.name)};
        if (found == arrays.end()) continue;
        each = parse_npy(found->second, input.tensor);
        ++used;
    }
    if (arrays.size() != used)
        throw InputError{
            fmt::format("the .npz file has {} arrays, {} of them named as inputs of the model", arrays.size(), used)};
    return together(std::move(inputs), manifest);
}

InputError wrong_kind(const values::InputSpec& input, std::string_view what) {
    return InputError{fmt::format("the model takes {}, not {}",
                                  input.kind == InputKind::image  ? "an image"
                                  : input.kind == InputKind::text ? "a text"
                                  : input.kind == InputKind::row  ? "a row of values"
                                                                  : "a tensor (.npy, .npz, JSON or raw bytes)",
                                  what)};
}

DecodedInput decode(std::string_view bytes, Form form, const values::Manifest& manifest) {
    const auto& input = manifest.inputs[manifest.first_given()];
    if (form == Form::json) return parse_json_input(bytes, manifest);
    if (form == Form::npz) return from_npz(bytes, manifest);
    if (manifest.given() != 1 || (manifest.inputs.size() != 1 && form != Form::text))
        throw InputError{fmt::format("the model has {} inputs; send them as JSON or .npz", manifest.inputs.size())};
    switch (form) {
    case Form::image:
        if (input.kind != InputKind::image) throw wrong_kind(input, "an image");
        return together(one_row(image_tensor(bytes, input)));
    case Form::npy: return together(parse_npy(bytes, input.tensor));
    case Form::text:
        if (input.kind != InputKind::text) throw wrong_kind(input, "a text");
        return one_text(bytes, manifest);
    case Form::csv:
        if (input.kind != InputKind::row) throw wrong_kind(input, "a table");
        return together(join_rows(csv_tensors(bytes, input)));
    default: break;
    }
    if (input.kind == InputKind::image && !is_raw_size(bytes.size(), input.tensor)) throw not_an_image(bytes);
    if (!is_raw_size(bytes.size(), input.tensor))
        throw InputError{fmt::format("the input is neither .npy, .npz nor JSON, nor the raw bytes of one tensor {} {}",
                                     values::name(input.tensor.datatype), values::shape_text(input.tensor.shape))};
    return together(parse_raw(bytes, input.tensor));
}

DecodedInput decode_parts(std::string_view bytes, Form form, const values::Manifest& manifest,
                          const std::vector<Region>& regions) {
    const auto& input = manifest.inputs.front();
    if (manifest.inputs.size() != 1 || input.kind != InputKind::image)
        throw InputError{"parts can be taken of a picture only, and the model takes something else"};
    if (form == Form::json) return together(image_tensor(picture_in_json(bytes), input, regions));
    if (form != Form::image) throw InputError{"parts can be taken of a picture only, and the input is none"};
    return together(image_tensor(bytes, input, regions));
}

} // namespace

DecodedInput together(std::vector<std::optional<TensorRows>> inputs, const values::Manifest& manifest) {
    DecodedInput all;
    all.rows = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        auto& each = inputs[i];
        if (!each && !manifest.inputs[i].optional)
            throw InputError{fmt::format("the input \"{}\" is missing", manifest.inputs[i].tensor.name)};
        if (each && all.rows > 0 && each->rows != all.rows)
            throw InputError{fmt::format("the inputs have different numbers of rows: {} and {}", all.rows, each->rows)};
        if (each) all.rows = each->rows;
        all.tensors.push_back(each ? std::move(each->value) : absent_tensor());
    }
    if (all.rows == 0) throw InputError{"the request has none of the model's inputs"};
    return all;
}

DecodedInput together(TensorRows only) {
    DecodedInput input;
    input.rows = only.rows;
    input.tensors.push_back(std::move(only.value));
    return input;
}

void check_lengths(const DecodedInput& input, const values::Manifest& manifest) {
    for (std::size_t i = 0; i < input.tensors.size(); ++i) {
        const auto& spec = manifest.inputs[i];
        if (input.tensors[i].absent || spec.kind != InputKind::text || !spec.text.open ||
            input.tensors[i].shape.front() <= spec.text.length)
            continue;
        throw InputError{fmt::format("the input \"{}\" has {} tokens, the model takes at most {}", spec.tensor.name,
                                     input.tensors[i].shape.front(), spec.text.length)};
    }
}

DecodedInput preprocess(std::string_view bytes, std::string_view media_type, const values::Manifest& manifest,
                        const std::vector<Region>& regions) {
    if (bytes.empty()) throw InputError{"the input is empty"};
    if (bytes.size() > manifest.max_input_bytes)
        throw InputError{
            fmt::format("the input has {} bytes, the model takes at most {}", bytes.size(), manifest.max_input_bytes)};
    const auto form = form_of(bytes, media_type, manifest.inputs[manifest.first_given()]);
    return regions.empty() ? decode(bytes, form, manifest) : decode_parts(bytes, form, manifest, regions);
}

} // namespace millrace::inference::worker
