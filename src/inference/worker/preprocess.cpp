#include "inference/worker/preprocess.hpp"

#include "inference/worker/image_tensor.hpp"
#include "inference/worker/json_input.hpp"
#include "inference/worker/row_tensor.hpp"
#include "inference/worker/text_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

using model::InputKind;

enum class Form { image, npy, npz, json, text, csv, raw };

// "Text/Plain; charset=utf-8" is text/plain.
std::string plain(std::string_view media_type) {
    std::string type{media_type.substr(0, media_type.find(';'))};
    while (!type.empty() && type.back() == ' ') type.pop_back();
    for (char& c : type)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return type;
}

bool is_json(std::string_view bytes) {
    const auto first = bytes.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (bytes[first] == '{' || bytes[first] == '[');
}

// What the bytes are when their type says nothing. Bytes of the tensor's own size are the tensor, but only where that was
// said (`binary`), a text or table is not meant, and they are not JSON that happens to be as long.
Form form_of(std::string_view bytes, const model::InputSpec& first, bool binary) {
    if (is_image(bytes)) return Form::image;
    if (is_npy(bytes)) return Form::npy;
    if (is_npz(bytes)) return Form::npz;
    const bool readable = first.kind == InputKind::text || first.kind == InputKind::row;
    if (binary && !readable && is_raw_size(bytes.size(), first.tensor) && !(is_json(bytes) && parse_json(bytes)))
        return Form::raw;
    if (is_json(bytes)) return Form::json;
    if (first.kind == InputKind::text) return Form::text;
    if (first.kind == InputKind::row) return Form::csv;
    return Form::raw;
}

InputError undeclared(std::string_view media_type) {
    return InputError{fmt::format("the input is declared as {:.64}, but its content is not", media_type)};
}

Form form_of(std::string_view bytes, std::string_view media_type, const model::InputSpec& first) {
    const auto type = plain(media_type);
    if (type.empty() || type == "application/octet-stream") return form_of(bytes, first, !type.empty());
    const struct {
        std::string_view type;
        Form form;
        bool (*is)(std::string_view);
    } known[] = {
        {"image/png", Form::image, is_png},          {"image/jpeg", Form::image, is_jpeg},
        {"image/jpg", Form::image, is_jpeg},         {"image/webp", Form::image, is_webp},
        {"image/tiff", Form::image, is_tiff},        {"application/x-npy", Form::npy, is_npy},
        {"application/npy", Form::npy, is_npy},      {"application/x-npz", Form::npz, is_npz},
        {"application/npz", Form::npz, is_npz},      {"application/zip", Form::npz, is_npz},
        {"application/json", Form::json, is_json},   {"text/plain", Form::text, nullptr},
        {"text/csv", Form::csv, nullptr},
    };
    for (const auto& each : known) {
        if (each.type != type) continue;
        if (each.is && !each.is(bytes)) throw undeclared(media_type);
        return each.form;
    }
    throw InputError{fmt::format("inputs of the type {:.64} are not taken", media_type)};
}

DecodedInput one(TensorRows rows) {
    std::vector<TensorRows> inputs;
    inputs.push_back(std::move(rows));
    return together(std::move(inputs));
}

TensorRows one_row(TensorValue value) { return {1, std::move(value)}; }

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
        throw InputError{"the input is neither PNG, JPEG, WebP nor TIFF"};
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
