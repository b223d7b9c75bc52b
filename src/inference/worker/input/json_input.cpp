#include "inference/worker/input/json_input.hpp"

#include "base/encoding.hpp"
#include "inference/worker/image/image_tensor.hpp"
#include "inference/worker/input/text_tokens.hpp"
#include "inference/worker/tensor/row_tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace millrace::inference::worker {
namespace {

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

// A picture in base64.
TensorValue from_string(const json::value& value, const values::InputSpec& input) {
    if (!value.is_string()) throw InputError{fmt::format("\"{}\" must be strings", input.tensor.name)};
    const auto text = view(value.get_string());
    if (input.kind != values::InputKind::image)
        throw InputError{fmt::format("the input \"{}\" is neither a text nor an image", input.tensor.name)};
    const auto bytes = from_base64(text);
    if (!bytes) throw InputError{"the image must be base64"};
    return image_tensor({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, input);
}

// "a text", or ["a text", "its pair"].
TensorValue from_text(const json::value& value, const values::InputSpec& input) {
    if (value.is_string()) return text_tensor(view(value.get_string()), std::nullopt, input);
    const auto* both = value.if_array();
    if (!both || both->size() != 2 || !(*both)[0].is_string() || !(*both)[1].is_string())
        throw InputError{fmt::format("\"{}\" must be strings, or arrays of two strings", input.tensor.name)};
    return text_tensor(view((*both)[0].get_string()), view((*both)[1].get_string()), input);
}

TensorValue from_row(const json::value& value, const values::InputSpec& input) {
    if (input.kind != values::InputKind::row)
        throw InputError{fmt::format("the input \"{}\" takes no rows of columns", input.tensor.name)};
    if (!value.is_object()) throw InputError{"a row must be an object"};
    return row_tensor(value.get_object(), input);
}

// An array of numbers, or an array of such: as many rows.
TensorRows from_tokens(const json::value& value, const values::InputSpec& input) {
    std::vector<TensorValue> rows;
    const auto* list = value.if_array();
    if (list && !list->empty() && list->front().is_array()) {
        if (list->size() > static_cast<std::size_t>(max_rows))
            throw InputError{fmt::format("more than {} rows", max_rows)};
        for (const auto& each : *list) rows.push_back(numbered_tensor(each, input));
    } else {
        rows.push_back(numbered_tensor(value, input));
    }
    return join_rows(std::move(rows), input.text.padding);
}

// One, or an array of them: as many rows.
template <class Read>
TensorRows one_or_several(const json::value& value, const values::InputSpec& input, Read read) {
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

// {"text": …, "text_pair": …}: a text with its pair, or as many of both.
TensorRows from_texts(const json::value& texts, const json::value* pairs, const values::InputSpec& input) {
    if (!pairs) return one_or_several(texts, input, from_text);
    const auto *list = texts.if_array(), *others = pairs->if_array();
    if ((list == nullptr) != (others == nullptr) || (list && list->size() != others->size()))
        throw InputError{"\"text_pair\" must be one text where \"text\" is one, and else as many"};
    json::array rows;
    const auto add = [&](const json::value& text, const json::value& pair) {
        auto& both = rows.emplace_back(json::array{}).get_array();
        both.push_back(text);
        both.push_back(pair);
    };
    if (!list) add(texts, *pairs);
    for (std::size_t i = 0; list && i < list->size(); ++i) add((*list)[i], (*others)[i]);
    return one_or_several(json::value(std::move(rows)), input, from_text);
}

bool holds_texts(const json::array& array) {
    if (array.empty()) return false;
    const auto* inner = array.front().if_array();
    return array.front().is_string() || (inner && !inner->empty() && inner->front().is_string());
}

TensorRows from_array(const json::value& value, const values::InputSpec& input) {
    const auto& array = value.get_array();
    if (input.kind == values::InputKind::text && holds_texts(array)) return one_or_several(value, input, from_text);
    if (!array.empty() && array.front().is_string()) return one_or_several(value, input, from_string);
    if (!array.empty() && array.front().is_object()) return one_or_several(value, input, from_row);
    return json_tensor(value, input.tensor);
}

// Every member is a column: then it is the row itself.
bool is_row(const json::object& object, const values::InputSpec& input) {
    return input.kind == values::InputKind::row && !object.empty() &&
           std::all_of(object.begin(), object.end(), [&](const auto& member) {
               return std::any_of(input.columns.begin(), input.columns.end(), [&](const values::Column& column) {
                   return column.name == std::string_view{member.key().data(), member.key().size()};
               });
           });
}

TensorRows from_value(const json::value& value, const values::InputSpec& input) {
    if (value.is_array()) return from_array(value, input);
    const bool takes_text = input.kind == values::InputKind::text;
    if (value.is_string())
        return takes_text ? one_or_several(value, input, from_text) : one_or_several(value, input, from_string);
    const auto* object = value.if_object();
    if (!object) throw InputError{"the input must be an object or an array"};
    if (is_row(*object, input)) return one_or_several(value, input, from_row);
    if (const auto* text = field(*object, "text"); text && takes_text)
        return from_texts(*text, field(*object, "text_pair"), input);
    if (const auto* tokens = field(*object, "tokens"); tokens && takes_text) return from_tokens(*tokens, input);
    if (const auto* image = field(*object, "image"); image && input.kind == values::InputKind::image)
        return one_or_several(*image, input, from_string);
    if (const auto* row = field(*object, "row"); row && input.kind == values::InputKind::row)
        return one_or_several(*row, input, from_row);
    const auto* data = field(*object, "data");
    if (data && data->is_array() && holds_texts(data->get_array()))
        return from_array(*data, input); // BYTES, as the inference protocol calls it
    if (!data && input.kind == values::InputKind::row)
        return one_or_several(value, input, from_row); // says what is wrong
    if (!data)
        throw InputError{fmt::format("the input \"{}\" needs \"data\"{}", input.tensor.name,
                                     input.kind == values::InputKind::text    ? ", \"text\" or \"tokens\""
                                     : input.kind == values::InputKind::image ? " or \"image\" (base64)"
                                                                              : "")};
    return json_tensor(value, input.tensor);
}

// The place of the input that an object of "inputs" is for: by its name, or without one by its own place.
std::size_t place_of(const json::object& object, std::size_t own, const values::Manifest& manifest) {
    const auto* name = field(object, "name");
    if (!name) return own;
    for (std::size_t i = 0; i < manifest.inputs.size(); ++i)
        if (name->is_string() && manifest.inputs[i].tensor.name == view(name->get_string())) return i;
    std::vector<std::string_view> names;
    for (const auto& input : manifest.inputs) names.push_back(input.tensor.name);
    throw InputError{fmt::format("the model has no such input; it takes {}", fmt::join(names, ", "))};
}

std::string wanted(const values::Manifest& manifest, std::size_t least) {
    const auto most = manifest.given();
    if (least < most) return fmt::format("{} to {} objects", least, most);
    return fmt::format("{} object{}, one for each of the model's inputs", most, most == 1 ? "" : "s");
}

bool goes_with(const values::InputSpec& input, std::size_t place) {
    return input.text.part != values::TextPart::ids && input.text.of == place;
}

// Texts, or numbers of their tokens: what goes with them can be made of it.
bool is_text(const json::value& value) {
    if (const auto* array = value.if_array()) return holds_texts(*array);
    const auto* object = value.if_object();
    if (!object) return value.is_string();
    const auto* data = field(*object, "data");
    return field(*object, "text") || field(*object, "tokens") ||
           (data && data->is_array() && holds_texts(data->get_array()));
}

// What a client sent for the input `place`, and for those that go with its text unless they were sent themselves.
void read_place(const json::value& value, std::size_t place, const values::Manifest& manifest,
                std::vector<std::optional<TensorRows>>& found) {
    found[place] = from_value(value, manifest.inputs[place]);
    for (std::size_t i = 0; i < found.size(); ++i)
        if (!found[i] && goes_with(manifest.inputs[i], place) && is_text(value))
            found[i] = from_value(value, manifest.inputs[i]);
}

// In any order, none twice. What goes with a text may be left out: then it is made of the text.
DecodedInput several(const json::value& list, const values::Manifest& manifest) {
    const auto most = manifest.inputs.size();
    const auto least =
        static_cast<std::size_t>(std::count_if(manifest.inputs.begin(), manifest.inputs.end(), [](const auto& input) {
            return !input.optional && input.text.part == values::TextPart::ids;
        }));
    if (!list.is_array() || list.get_array().size() > most || list.get_array().size() < least)
        throw InputError{fmt::format("\"inputs\" must be an array of {}", wanted(manifest, least))};
    std::vector<const json::value*> sent(most);
    for (std::size_t i = 0; i < list.get_array().size(); ++i) {
        const auto* object = list.get_array()[i].if_object();
        if (!object) throw InputError{"\"inputs\" must be an array of objects"};
        const auto place = place_of(*object, i, manifest);
        if (sent[place])
            throw InputError{fmt::format("the input \"{}\" is there twice", manifest.inputs[place].tensor.name)};
        sent[place] = &list.get_array()[i];
    }
    std::vector<std::optional<TensorRows>> found(most);
    for (std::size_t place = most; place-- > 0;) // what goes with a text stands behind it
        if (sent[place]) read_place(*sent[place], place, manifest, found);
    return together(std::move(found), manifest);
}

// Whoever sends these counts on a state that is not kept.
void refuse_sequence(const json::object& object) {
    for (const auto* member : {"sequence_id", "sequence_start", "sequence_end"})
        if (field(object, member))
            throw InputError{fmt::format(
                "\"{}\": no state is kept for sequences of requests; give the model its state as an input, and take "
                "the new one from its outputs",
                member)};
}

} // namespace

DecodedInput parse_json_input(std::string_view text, const values::Manifest& manifest) {
    const auto parsed = parse_json(text);
    if (!parsed) throw InputError{parsed.error().detail};
    const auto* object = parsed->if_object();
    const auto first = manifest.first_given();
    const bool alone = manifest.given() == 1;
    const bool request = object && !(alone && is_row(*object, manifest.inputs[first]));
    if (request) refuse_sequence(*object);
    if (const auto* parameters = request ? field(*object, "parameters") : nullptr;
        parameters && parameters->is_object())
        refuse_sequence(parameters->get_object());
    if (request)
        if (const auto* list = field(*object, "inputs")) return several(*list, manifest);
    if (!alone)
        throw InputError{
            fmt::format("the model has {} inputs; send {{\"inputs\":[{{\"name\":…}},…]}} or .npz", manifest.given())};
    std::vector<std::optional<TensorRows>> found(manifest.inputs.size());
    read_place(*parsed, first, manifest, found);
    return together(std::move(found), manifest);
}

} // namespace millrace::inference::worker
