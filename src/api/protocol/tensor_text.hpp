// The elements of a tensor as numbers and as text. Pure.
#pragma once
#include "inference/prediction.hpp"

#include <string>
#include <string_view>

namespace millrace::api {

// Element `index`, for comparing: NaN counts as the lowest. The tensor has it.
double number_at(const inference::Tensor& tensor, std::size_t index);
// The shortest text that reads back as the same value; "nan" and "inf" as they are.
std::string text_at(const inference::Tensor& tensor, std::size_t index);
// Appends the elements, which are finite, as JSON values with commas between them: true and false for BOOL. False for
// FP16 and BF16, which the inference protocol does not have in JSON.
bool append_numbers(std::string& out, values::Datatype type, std::string_view bytes);

} // namespace millrace::api
