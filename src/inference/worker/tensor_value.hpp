// A tensor that owns its bytes, and how it is read from .npy files and JSON. Pure; InputError for what is wrong.
#pragma once
#include "inference/worker/input_error.hpp"
#include "model/tensor.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

struct TensorValue {
    model::Datatype datatype = model::Datatype::fp32;
    model::Shape shape;               // without the batch dimension
    std::vector<std::byte> bytes;     // contiguous, row-major, little-endian
};

bool is_npy(std::string_view bytes);

// NumPy's format 1.0 and 2.0: little-endian numbers and bool, C order. Converted to the datatype of `spec` when that loses
// nothing but precision; the shape must be one that `spec` accepts (a leading 1 for the batch is allowed).
TensorValue parse_npy(std::string_view bytes, const model::TensorSpec& spec);

// {"data": nested or flat numbers, "shape"?, "datatype"?}, the same inside {"inputs":[…]}, or the nested array alone.
TensorValue parse_json_tensor(std::string_view text, const model::TensorSpec& spec);

} // namespace millrace::inference::worker
