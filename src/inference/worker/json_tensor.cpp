#include "base/json.hpp"
#include "inference/worker/tensor_convert.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

// The shape of a nested array, from its first elements; flatten() then demands that all agree.
model::Shape nested_shape(const json::array& array) {
    model::Shape shape;
    const json::array* level = &array;
    for (;;) {
        if (shape.size() == model::max_rank) throw InputError{"\"data\" is nested too deep"};
        shape.push_back(static_cast<std::int64_t>(level->size()));
        if (level->empty() || !level->front().is_array()) return shape;
        level = &level->front().get_array();
    }
}

template <class T>
void append(const json::value& value, std::vector<std::byte>& out) {
    T number{};
    bool fits = false;
    if constexpr (std::is_same_v<T, bool>) {
        if (const auto* truth = value.if_bool()) {
            number = *truth;
            fits = true;
        }
    }
    if (!fits) {
        if (const auto* i = value.if_int64()) fits = convert_number<T>(*i, number);
        else if (const auto* d = value.if_double())
            fits = std::isfinite(*d) && convert_number<T>(*d, number); // 1e999 reads as infinity
    }
    if (!fits) throw InputError{"\"data\" has an element that does not fit the model's type"};
    const auto* raw = reinterpret_cast<const std::byte*>(&number);
    out.insert(out.end(), raw, raw + sizeof number);
}

template <class T>
void flatten(const json::array& array, std::span<const std::int64_t> shape, std::vector<std::byte>& out) {
    if (shape.empty() || static_cast<std::int64_t>(array.size()) != shape.front())
        throw InputError{"\"data\" is not rectangular"};
    for (const auto& element : array) {
        if (shape.size() == 1) append<T>(element, out);
        else if (const auto* deeper = element.if_array()) flatten<T>(*deeper, shape.subspan(1), out);
        else throw InputError{"\"data\" is not rectangular"};
    }
}

model::Shape declared_shape(const json::value& value) {
    if (!value.is_array() || value.get_array().size() > model::max_rank)
        throw InputError{"\"shape\" must be an array of dimensions"};
    model::Shape shape;
    for (const auto& element : value.get_array()) {
        if (!element.is_int64() || element.get_int64() < 0)
            throw InputError{"\"shape\" must be an array of dimensions"};
        shape.push_back(element.get_int64());
    }
    return shape;
}

const json::object& tensor_object(const json::object& root, const model::TensorSpec& spec) {
    const auto* inputs = field(root, "inputs");
    if (!inputs) return root;
    if (!inputs->is_array() || inputs->get_array().size() != 1 || !inputs->get_array().front().is_object())
        throw InputError{"\"inputs\" must be an array of one object: the model has one input"};
    const auto& object = inputs->get_array().front().get_object();
    if (const auto* name = field(object, "name"); name && (!name->is_string() || name->get_string() != spec.name))
        throw InputError{fmt::format("the model's input is called \"{}\"", spec.name)};
    return object;
}

} // namespace

TensorValue parse_json_tensor(std::string_view text, const model::TensorSpec& spec) {
    const auto parsed = parse_json(text);
    if (!parsed) throw InputError{parsed.error().detail};
    const json::array* data = parsed->if_array();
    std::optional<model::Shape> shape;
    if (const auto* root = parsed->if_object()) {
        const auto& object = tensor_object(*root, spec);
        const auto* member = field(object, "data");
        if (!member || !member->is_array()) throw InputError{"\"data\" must be an array of numbers"};
        data = &member->get_array();
        if (const auto* declared = field(object, "shape")) shape = declared_shape(*declared);
        if (const auto* type = field(object, "datatype");
            type && (!type->is_string() || type->get_string() != model::name(spec.datatype)))
            throw InputError{fmt::format("the model's input has the datatype {}", model::name(spec.datatype))};
    }
    if (!data) throw InputError{"the input must be an array, or an object with \"data\""};

    const auto nesting = nested_shape(*data);
    TensorValue value{spec.datatype, shape.value_or(nesting), {}};
    if (model::element_count(value.shape) != model::element_count(nesting))
        throw InputError{"\"shape\" and \"data\" do not agree"};
    if (!shape && nesting.size() == 1 && spec.shape.size() > 1) { // flat: the model's own shape, where it is fixed
        if (model::element_count(spec.shape) == model::element_count(nesting)) value.shape = spec.shape;
    }
    if (value.shape.size() == spec.shape.size() + 1 && value.shape.front() == 1) value.shape.erase(value.shape.begin());
    if (!spec.accepts(value.shape))
        throw InputError{fmt::format("the input has the shape {}, the model takes {}", model::shape_text(value.shape),
                                     model::shape_text(spec.shape))};
    const bool known = with_type(spec.datatype, [&](auto to) { flatten<decltype(to)>(*data, nesting, value.bytes); });
    if (!known) throw InputError{"the model's input type cannot be given as JSON"};
    return value;
}

} // namespace millrace::inference::worker
