// Tensors as NumPy's .npy files (format 1.0), byte for byte as numpy.save writes them. Pure.
#pragma once
#include "values/tensor.hpp"

#include <span>
#include <string>
#include <string_view>

namespace millrace::values {

// `bytes`: contiguous, row-major, little-endian. NumPy has no BF16: it is written as FP32, which holds every value of
// it.
std::string write_npy(Datatype type, std::span<const std::int64_t> shape, std::string_view bytes);

} // namespace millrace::values
