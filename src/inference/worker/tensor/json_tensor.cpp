#include "inference/worker/tensor/tensor_convert.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

// The shape of a nested array, from its first elements; the others may yet differ.
values::Shape nested_shape(const json::array& array) {
    values::Shape shape;
    const json::array* level = &array;
    for (;;) {
        if (shape.size() == values::max_rank) throw InputError{"\"data\" is nested too deep"};
        shape.push_back(static_cast<std::int64_t>(level->size()));
        if (level->empty() || !level->front().is_array()) return shape;
        level = &level->front().get_array();
    }
}

// Asked before memory is reserved: what the first elements announce need not be there.
bool is_rectangular(const json::array& array, std::span<const std::int64_t> shape) {
    if (static_cast<std::int64_t>(array.size()) != shape.front()) return false;
    return shape.size() == 1 || std::all_of(array.begin(), array.end(), [&](const json::value& element) {
               const auto* deeper = element.if_array();
               return deeper && is_rectangular(*deeper, shape.subspan(1));
           });
}

template <class T>
bool read_number(const json::value& value, T& number) {
    if constexpr (std::is_same_v<T, bool>) {
        if (const auto* truth = value.if_bool()) {
            number = *truth;
            return true;
        }
    }
    if (const auto* d = value.if_double())
        return std::isfinite(*d) && convert_number<T>(*d, number); // 1e999 reads as infinity
    if (const auto* i = value.if_int64()) return convert_number<T>(*i, number);
    if constexpr (std::is_floating_point_v<T> || is_half<T>) {
        if (const auto* u = value.if_uint64()) return convert_number<T>(static_cast<double>(*u), number);
    }
    return false;
}

// Writes the elements one behind the other.
template <class T>
void flatten(const json::array& array, std::size_t depth, std::byte*& to) {
    for (const auto& element : array) {
        if (depth > 1) {
            flatten<T>(element.get_array(), depth - 1, to);
            continue;
        }
        T number{};
        if (!read_number(element, number))
            throw InputError{"\"data\" has an element that does not fit the model's type"};
        std::memcpy(to, &number, sizeof number);
        to += sizeof number;
    }
}

values::Shape declared_shape(const json::value& value) {
    if (!value.is_array() || value.get_array().size() > values::max_rank)
        throw InputError{"\"shape\" must be an array of dimensions"};
    values::Shape shape;
    for (const auto& element : value.get_array()) {
        if (!element.is_int64() || element.get_int64() < 0)
            throw InputError{"\"shape\" must be an array of dimensions"};
        shape.push_back(element.get_int64());
    }
    return shape;
}

} // namespace

TensorRows json_tensor(const json::value& given, const values::TensorSpec& spec) {
    const json::array* data = given.if_array();
    std::optional<values::Shape> shape;
    if (const auto* object = given.if_object()) {
        const auto* member = field(*object, "data");
        if (!member || !member->is_array()) throw InputError{"\"data\" must be an array of numbers"};
        data = &member->get_array();
        if (const auto* declared = field(*object, "shape")) shape = declared_shape(*declared);
        if (const auto* type = field(*object, "datatype");
            type && (!type->is_string() || type->get_string() != values::name(spec.datatype)))
            throw InputError{fmt::format("the model's input has the datatype {}", values::name(spec.datatype))};
    }
    if (!data) throw InputError{"the input must be an array, or an object with \"data\""};

    const auto nesting = nested_shape(*data);
    if (!is_rectangular(*data, nesting)) throw InputError{"\"data\" is not rectangular"};
    TensorValue value{spec.datatype, shape.value_or(nesting), {}};
    const auto count = values::element_count(nesting);
    if (!count || values::element_count(value.shape) != count) throw InputError{"\"shape\" and \"data\" do not agree"};
    if (!shape && nesting.size() == 1 && spec.shape.size() > 1) { // flat: the model's own shape, where it is fixed
        if (values::element_count(spec.shape) == count) value.shape = spec.shape;
    }
    auto result = split_rows(std::move(value), spec);
    with_type(spec.datatype, [&](auto to) {
        result.value.bytes.resize(*count * sizeof to);
        auto* at = result.value.bytes.data();
        flatten<decltype(to)>(*data, nesting.size(), at);
    });
    return result;
}

} // namespace millrace::inference::worker
