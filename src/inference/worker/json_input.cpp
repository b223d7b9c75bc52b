#include "inference/worker/json_input.hpp"

#include "base/encoding.hpp"
#include "inference/worker/image_tensor.hpp"
#include "inference/worker/row_tensor.hpp"
#include "inference/worker/text_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace millrace::inference::worker {
namespace {

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

// A string: a text, or a picture in base64.
TensorValue from_string(const json::value& value, const model::InputSpec& input) {
    if (!value.is_string()) throw InputError{fmt::format("\"{}\" must be strings", input.tensor.name)};
    const auto text = view(value.get_string());
    if (input.kind == model::InputKind::text) return text_tensor(text, input);
    if (input.kind != model::InputKind::image)
        throw InputError{fmt::format("the input \"{}\" is neither a text nor an image", input.tensor.name)};
    const auto bytes = from_base64(text);
    if (!bytes) throw InputError{"the image must be base64"};
    return image_tensor({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, input);
}

TensorValue from_row(const json::value& value, const model::InputSpec& input) {
    if (input.kind != model::InputKind::row)
        throw InputError{fmt::format("the input \"{}\" takes no rows of columns", input.tensor.name)};
    if (!value.is_object()) throw InputError{"a row must be an object"};
    return row_tensor(value.get_object(), input);
}

// An array of numbers, or an array of such: as many rows.
TensorRows from_tokens(const json::value& value, const model::InputSpec& input) {
    std::vector<TensorValue> rows;
    const auto* list = value.if_array();
    if (list && !list->empty() && list->front().is_array()) {
        if (list->size() > static_cast<std::size_t>(max_rows)) throw InputError{fmt::format("more than {} rows", max_rows)};
        for (const auto& each : *list) rows.push_back(numbered_tensor(each, input));
    } else {
        rows.push_back(numbered_tensor(value, input));
    }
    return join_rows(std::move(rows), input.text.padding);
}

// One, or an array of them: as many rows.
template <class Read>
TensorRows one_or_several(const json::value& value, const model::InputSpec& input, Read read) {
    std::vector<TensorValue> rows;
    if (const auto* list = value.if_array()) {
        if (list->size() > static_cast<std::size_t>(max_rows))
            throw InputError{fmt::format("more than {} rows", max_rows)};
        for (const auto& element : *list) {
            try {
                rows.push_back(read(element, input));
            } catch (const InputError& e) {
                if (list->size() == 1) throw;
                throw InputError{fmt::format("row {}: {}", rows.size() + 1, e.what())};
            }
        }
    } else {
        rows.push_back(read(value, input));
    }
    return join_rows(std::move(rows), input.text.padding);
}

TensorRows from_array(const json::value& value, const model::InputSpec& input) {
    const auto& array = value.get_array();
    if (!array.empty() && array.front().is_string()) return one_or_several(value, input, from_string);
    if (!array.empty() && array.front().is_object()) return one_or_several(value, input, from_row);
    return json_tensor(value, input.tensor);
}

// Every member is a column: then it is the row itself.
bool is_row(const json::object& object, const model::InputSpec& input) {
    return input.kind == model::InputKind::row && !object.empty() &&
           std::all_of(object.begin(), object.end(), [&](const auto& member) {
               return std::any_of(input.columns.begin(), input.columns.end(), [&](const model::Column& column) {
                   return column.name == std::string_view{member.key().data(), member.key().size()};
               });
           });
}

TensorRows from_value(const json::value& value, const model::InputSpec& input) {
    if (value.is_array()) return from_array(value, input);
    if (value.is_string()) return one_or_several(value, input, from_string);
    const auto* object = value.if_object();
    if (!object) throw InputError{"the input must be an object or an array"};
    if (is_row(*object, input)) return one_or_several(value, input, from_row);
    if (const auto* text = field(*object, "text"); text && input.kind == model::InputKind::text)
        return one_or_several(*text, input, from_string);
    if (const auto* tokens = field(*object, "tokens"); tokens && input.kind == model::InputKind::text) return from_tokens(*tokens, input);
    if (const auto* image = field(*object, "image"); image && input.kind == model::InputKind::image)
        return one_or_several(*image, input, from_string);
    if (const auto* row = field(*object, "row"); row && input.kind == model::InputKind::row)
        return one_or_several(*row, input, from_row);
    const auto* data = field(*object, "data");
    if (data && data->is_array() && !data->get_array().empty() && data->get_array().front().is_string())
        return one_or_several(*data, input, from_string); // BYTES, as the inference protocol calls it
    if (!data && input.kind == model::InputKind::row) return one_or_several(value, input, from_row); // says what is wrong
    if (!data)
        throw InputError{fmt::format("the input \"{}\" needs \"data\"{}", input.tensor.name,
                                     input.kind == model::InputKind::text    ? ", \"text\" or \"tokens\""
                                     : input.kind == model::InputKind::image ? " or \"image\" (base64)"
                                                                             : "")};
    return json_tensor(value, input.tensor);
}

// The place of the input that an object of "inputs" is for: by its name, or without one by its own place.
std::size_t place_of(const json::object& object, std::size_t own, const model::Manifest& manifest) {
    const auto* name = field(object, "name");
    if (!name) return own;
    for (std::size_t i = 0; i < manifest.inputs.size(); ++i)
        if (name->is_string() && manifest.inputs[i].tensor.name == view(name->get_string())) return i;
    std::vector<std::string_view> names;
    for (const auto& input : manifest.inputs) names.push_back(input.tensor.name);
    throw InputError{fmt::format("the model has no such input; it takes {}", fmt::join(names, ", "))};
}

DecodedInput several(const json::value& list, const model::Manifest& manifest) {
    if (!list.is_array() || list.get_array().size() != manifest.inputs.size())
        throw InputError{fmt::format("\"inputs\" must be an array of {} object{}, one for each of the model's inputs",
                                     manifest.inputs.size(), manifest.inputs.size() == 1 ? "" : "s")};
    std::vector<std::optional<TensorRows>> found(manifest.inputs.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto* object = list.get_array()[i].if_object();
        if (!object) throw InputError{"\"inputs\" must be an array of objects"};
        const auto place = place_of(*object, i, manifest);
        if (found[place]) throw InputError{fmt::format("the input \"{}\" is there twice", manifest.inputs[place].tensor.name)};
        found[place] = from_value(list.get_array()[i], manifest.inputs[place]);
    }
    std::vector<TensorRows> inputs;
    for (auto& each : found) inputs.push_back(*std::move(each)); // as many as there are places, none twice: all there
    return together(std::move(inputs));
}

} // namespace

DecodedInput parse_json_input(std::string_view text, const model::Manifest& manifest) {
    const auto parsed = parse_json(text);
    if (!parsed) throw InputError{parsed.error().detail};
    const auto* object = parsed->if_object();
    const auto& first = manifest.inputs.front();
    const bool alone = manifest.inputs.size() == 1;
    if (object && !(alone && is_row(*object, first)))
        if (const auto* list = field(*object, "inputs")) return several(*list, manifest);
    if (!alone)
        throw InputError{fmt::format("the model has {} inputs; send {{\"inputs\":[{{\"name\":…}},…]}} or .npz",
                                     manifest.inputs.size())};
    std::vector<TensorRows> one;
    one.push_back(from_value(*parsed, first));
    return together(std::move(one));
}

} // namespace millrace::inference::worker
