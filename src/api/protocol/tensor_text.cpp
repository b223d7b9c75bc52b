#include "api/protocol/tensor_text.hpp"

#include "base/json_text.hpp"
#include "values/half.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace millrace::api {
namespace {

using values::Datatype;

template <class T>
T load(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

template <class T>
constexpr bool is_half = std::is_same_v<T, values::Half> || std::is_same_v<T, values::Brain>;

// Calls `use` with a value of the C++ type.
template <class Use>
void with_type(Datatype type, Use use) {
    switch (type) {
    case Datatype::boolean: return use(bool{});
    case Datatype::uint8: return use(std::uint8_t{});
    case Datatype::int8: return use(std::int8_t{});
    case Datatype::int16: return use(std::int16_t{});
    case Datatype::int32: return use(std::int32_t{});
    case Datatype::int64: return use(std::int64_t{});
    case Datatype::fp32: return use(float{});
    case Datatype::fp64: return use(double{});
    case Datatype::fp16: return use(values::Half{});
    case Datatype::bf16: return use(values::Brain{});
    }
}

template <class T>
void append_value(std::string& out, T value) {
    if constexpr (std::is_floating_point_v<T>)
        if (std::isfinite(value)) return append_number(out, value);
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out.append(text, end);
}

template <class T>
void append_json(std::string& out, T value) {
    if constexpr (std::is_same_v<T, bool>) {
        out += value ? "true" : "false";
        return;
    } else if constexpr (std::is_floating_point_v<T>) {
        if (!std::isfinite(value)) {
            out += "null";
            return;
        }
    }
    if constexpr (!std::is_same_v<T, bool>) append_value(out, value);
}

// A byte that is neither 0 nor 1 is no bool to read. Of half precision: as a float, which has every such number.
template <class T>
auto element(const char* bytes, std::size_t index) {
    if constexpr (std::is_same_v<T, bool>) return bytes[index] != 0;
    else if constexpr (is_half<T>) return values::widen(load<T>(bytes + index * sizeof(T)));
    else return load<T>(bytes + index * sizeof(T));
}

} // namespace

double number_at(const inference::Tensor& tensor, std::size_t index) {
    double number = 0;
    with_type(tensor.datatype,
              [&](auto type) { number = static_cast<double>(element<decltype(type)>(tensor.bytes.data(), index)); });
    return std::isnan(number) ? -std::numeric_limits<double>::infinity() : number;
}

std::string text_at(const inference::Tensor& tensor, std::size_t index) {
    std::string text;
    with_type(tensor.datatype, [&](auto type) {
        const auto value = element<decltype(type)>(tensor.bytes.data(), index);
        if constexpr (std::is_same_v<decltype(type), bool>) text = value ? "1" : "0";
        else append_value(text, value);
    });
    return text;
}

bool append_numbers(std::string& out, Datatype type, std::string_view bytes) {
    if (type == Datatype::fp16 || type == Datatype::bf16) return false;
    const auto count = bytes.size() / values::element_size(type);
    with_type(type, [&](auto kind) {
        out.reserve(out.size() + count * 8);
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0) out += ',';
            append_json(out, element<decltype(kind)>(bytes.data(), i));
        }
    });
    return true;
}

} // namespace millrace::api
