// From a row of named values to numbers, by the columns of an input of kind row. Pure; InputError.
#pragma once
#include "inference/worker/tensor/tensor_value.hpp"
#include "values/manifest.hpp"

#include <string_view>
#include <vector>

namespace millrace::inference::worker {

TensorValue row_tensor(const json::object& row, const values::InputSpec& input);

// A table (csv.hpp): a line of the columns' names in any order, then one line a row. An empty value is an absent one.
// What is wrong with a value is said with its row, counted from 1 below the names, and its column.
std::vector<TensorValue> csv_tensors(std::string_view text, const values::InputSpec& input);

} // namespace millrace::inference::worker
