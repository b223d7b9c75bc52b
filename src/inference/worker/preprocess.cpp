#include "inference/worker/preprocess.hpp"

#include "inference/worker/image_tensor.hpp"
#include "inference/worker/input_form.hpp"
#include "inference/worker/json_input.hpp"
#include "inference/worker/row_tensor.hpp"
#include "inference/worker/text_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

using model::InputKind;

DecodedInput one(TensorRows rows) {
    std::vector<TensorRows> inputs;
    inputs.push_back(std::move(rows));
    return together(std::move(inputs));
}

TensorRows one_row(TensorValue value) {
    std::vector<TensorValue> rows;
    rows.push_back(std::move(value));
    return join_rows(std::move(rows));
}

// The array of each input by its name; one alone may have any.
DecodedInput from_npz(std::string_view bytes, const model::Manifest& manifest) {
    const auto arrays = unpack_npz(bytes);
    if (arrays.size() != manifest.inputs.size())
        throw InputError{fmt::format("the .npz file has {} arrays, the model {} input{}", arrays.size(),
                                     manifest.inputs.size(), manifest.inputs.size() == 1 ? "" : "s")};
    std::vector<TensorRows> inputs;
    for (const auto& input : manifest.inputs) {
        const auto found = std::find_if(arrays.begin(), arrays.end(), [&](const auto& array) {
            return arrays.size() == 1 || array.first == input.tensor.name;
        });
        if (found == arrays.end())
            throw InputError{fmt::format("the .npz file has no array \"{}\"", input.tensor.name)};
        inputs.push_back(parse_npy(found->second, input.tensor));
    }
    return together(std::move(inputs));
}

InputError wrong_kind(const model::InputSpec& input, std::string_view what) {
    return InputError{fmt::format("the model takes {}, not {}",
                                  input.kind == InputKind::image  ? "an image"
                                  : input.kind == InputKind::text ? "a text"
                                  : input.kind == InputKind::row  ? "a row of values"
                                                                  : "a tensor (.npy, .npz, JSON or raw bytes)",
                                  what)};
}

DecodedInput decode(std::string_view bytes, Form form, const model::Manifest& manifest) {
    const auto& input = manifest.inputs.front();
    if (form == Form::json) return parse_json_input(bytes, manifest);
    if (form == Form::npz) return from_npz(bytes, manifest);
    if (manifest.inputs.size() != 1)
        throw InputError{fmt::format("the model has {} inputs; send them as JSON or .npz", manifest.inputs.size())};
    switch (form) {
    case Form::image:
        if (input.kind != InputKind::image) throw wrong_kind(input, "an image");
        return one(one_row(image_tensor(bytes, input)));
    case Form::npy: return one(parse_npy(bytes, input.tensor));
    case Form::text:
        if (input.kind != InputKind::text) throw wrong_kind(input, "a text");
        return one(one_row(text_tensor(bytes, input)));
    case Form::csv:
        if (input.kind != InputKind::row) throw wrong_kind(input, "a table");
        return one(join_rows(csv_tensors(bytes, input)));
    default: break;
    }
    if (input.kind == InputKind::image && !is_raw_size(bytes.size(), input.tensor))
        throw not_an_image(bytes);
    if (!is_raw_size(bytes.size(), input.tensor))
        throw InputError{fmt::format("the input is neither .npy, .npz nor JSON, nor the raw bytes of one tensor {} {}",
                                     model::name(input.tensor.datatype), model::shape_text(input.tensor.shape))};
    return one(parse_raw(bytes, input.tensor));
}

} // namespace

DecodedInput together(std::vector<TensorRows> inputs) {
    DecodedInput all;
    all.rows = inputs.front().rows;
    for (auto& each : inputs) {
        if (each.rows != all.rows)
            throw InputError{fmt::format("the inputs have different numbers of rows: {} and {}", all.rows, each.rows)};
        if (all.pictures.empty()) all.pictures = std::move(each.pictures);
        all.tensors.push_back(std::move(each.value));
    }
    return all;
}

DecodedInput preprocess(std::string_view bytes, std::string_view media_type, const model::Manifest& manifest) {
    if (bytes.empty()) throw InputError{"the input is empty"};
    if (bytes.size() > manifest.max_input_bytes)
        throw InputError{
            fmt::format("the input has {} bytes, the model takes at most {}", bytes.size(), manifest.max_input_bytes)};
    return decode(bytes, form_of(bytes, media_type, manifest.inputs.front()), manifest);
}

} // namespace millrace::inference::worker
