#include "inference/worker/preprocess.hpp"

#include "inference/worker/image.hpp"

#include <fmt/format.h>

#include <cstring>

namespace millrace::inference::worker {
namespace {

enum class Form { png, jpeg, npy, json, unknown };

Form form_of(std::string_view bytes) {
    if (is_png(bytes)) return Form::png;
    if (is_jpeg(bytes)) return Form::jpeg;
    if (is_npy(bytes)) return Form::npy;
    const auto first = bytes.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && (bytes[first] == '{' || bytes[first] == '[')) return Form::json;
    return Form::unknown;
}

bool agrees(std::string_view media_type, Form form) {
    if (media_type.empty() || media_type == "application/octet-stream") return true; // says nothing
    switch (form) {
    case Form::png: return media_type == "image/png";
    case Form::jpeg: return media_type == "image/jpeg" || media_type == "image/jpg";
    case Form::npy: return media_type == "application/x-npy" || media_type == "application/npy";
    case Form::json: return media_type == "application/json";
    case Form::unknown: return false;
    }
    return false;
}

DecodedInput one_row(TensorValue value) {
    DecodedInput input;
    input.tensors.push_back(std::move(value));
    return input;
}

TensorValue image_tensor(std::string_view bytes, const model::InputSpec& input) {
    const auto& rule = input.image;
    const Image image = resize(convert(decode_image(bytes), rule.color), rule.width, rule.height);
    const auto numbers = normalize(image, rule);
    TensorValue value{model::Datatype::fp32, input.tensor.shape, {}};
    value.bytes.resize(numbers.size() * sizeof(float));
    std::memcpy(value.bytes.data(), numbers.data(), value.bytes.size());
    return value;
}

} // namespace

DecodedInput preprocess(std::string_view bytes, std::string_view media_type, const model::Manifest& manifest) {
    if (bytes.empty()) throw InputError{"the input is empty"};
    if (bytes.size() > manifest.max_input_bytes)
        throw InputError{
            fmt::format("the input has {} bytes, the model takes at most {}", bytes.size(), manifest.max_input_bytes)};
    const Form form = form_of(bytes);
    if (!agrees(media_type, form))
        throw InputError{fmt::format("the input is declared as {:.64}, but its content is not", media_type)};
    switch (form) {
    case Form::png:
    case Form::jpeg:
        if (manifest.inputs.front().kind != model::InputKind::image)
            throw InputError{"the model takes a tensor (.npy or JSON), not an image"};
        return one_row(image_tensor(bytes, manifest.inputs.front()));
    case Form::npy: return one_row(parse_npy(bytes, manifest.inputs.front().tensor));
    case Form::json: return one_row(parse_json_tensor(bytes, manifest.inputs.front().tensor));
    case Form::unknown: break;
    }
    throw InputError{manifest.inputs.front().kind == model::InputKind::image ? "the input is neither PNG nor JPEG"
                                                                    : "the input is neither .npy nor JSON"};
}

} // namespace millrace::inference::worker
