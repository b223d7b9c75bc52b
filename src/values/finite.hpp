// Whether the numbers of a tensor are numbers: JSON has no form for NaN and infinities. Pure.
#pragma once
#include "values/tensor.hpp"

#include <string_view>

namespace millrace::values {

// `bytes`: little-endian elements of the type. Integers are always finite.
bool all_finite(Datatype type, std::string_view bytes);
bool has_nan(Datatype type, std::string_view bytes);

} // namespace millrace::values
