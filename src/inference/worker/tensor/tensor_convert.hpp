// Numbers of one type into those of another, for inputs whose file has another type than the model wants.
#pragma once
#include "inference/worker/tensor/tensor_value.hpp"
#include "values/half.hpp"

#include <cmath>
#include <cstring>
#include <limits>

namespace millrace::inference::worker {

template <class T>
inline constexpr bool is_half = std::is_same_v<T, values::Half> || std::is_same_v<T, values::Brain>;

// Calls visit(T{}) with the C++ type of `type`; of half precision values::Half and values::Brain.
template <class Visit>
void with_type(values::Datatype type, Visit visit) {
    switch (type) {
    case values::Datatype::boolean: return visit(bool{});
    case values::Datatype::uint8: return visit(std::uint8_t{});
    case values::Datatype::int8: return visit(std::int8_t{});
    case values::Datatype::int16: return visit(std::int16_t{});
    case values::Datatype::int32: return visit(std::int32_t{});
    case values::Datatype::int64: return visit(std::int64_t{});
    case values::Datatype::fp32: return visit(float{});
    case values::Datatype::fp64: return visit(double{});
    case values::Datatype::fp16: return visit(values::Half{});
    case values::Datatype::bf16: return visit(values::Brain{});
    }
}

// False when `from` has no equal (or, for floating point, no near) value of type To.
template <class To, class From>
bool convert_number(From from, To& to) {
    if constexpr (std::is_same_v<To, From>) {
        to = from;
    } else if constexpr (is_half<From>) {
        return convert_number<To>(values::widen(from), to);
    } else if constexpr (is_half<To>) {
        if constexpr (std::is_same_v<To, values::Half>) to = values::to_half(static_cast<double>(from));
        else to = values::to_brain(static_cast<double>(from));
        return std::isfinite(values::widen(to)) || !std::isfinite(static_cast<double>(from));
    } else if constexpr (std::is_same_v<To, bool>) {
        if (from != From{0} && from != From{1}) return false;
        to = from != From{0};
    } else if constexpr (std::is_floating_point_v<To>) {
        to = static_cast<To>(from);
        if constexpr (std::is_floating_point_v<From>)
            if (std::isfinite(from) && !std::isfinite(to)) return false;
    } else if constexpr (std::is_floating_point_v<From>) {
        // 2^63 is not below the largest int64 when written as double, hence the strict upper bound one step above.
        const From low = static_cast<From>(std::numeric_limits<To>::min());
        const From high = std::ldexp(From{1}, std::numeric_limits<To>::digits);
        if (!(from >= low && from < high) || std::trunc(from) != from) return false;
        to = static_cast<To>(from);
    } else {
        const auto wide = static_cast<std::int64_t>(from);
        if (wide < static_cast<std::int64_t>(std::numeric_limits<To>::min()) ||
            wide > static_cast<std::int64_t>(std::numeric_limits<To>::max()))
            return false;
        to = static_cast<To>(from);
    }
    return true;
}

} // namespace millrace::inference::worker
