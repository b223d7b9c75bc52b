// Between mr_tensor and at::Tensor. Only files of this folder include libtorch.
#pragma once
#include "inference/torch/runtime_abi.h"

#include <ATen/ATen.h>

namespace millrace::torch_module {

// Borrows the caller's memory. Throws std::invalid_argument when type, rank, shape and size do not agree.
at::Tensor borrow(const mr_tensor& tensor);

// A dense tensor of a type that the boundary knows, where it is. Throws on others. `wanted`, by the numbers of
// values::Datatype: half precision becomes that where it is of half precision itself, else FP32.
at::Tensor presentable(const at::Tensor& tensor, uint32_t wanted);

mr_tensor describe(const at::Tensor& contiguous);

} // namespace millrace::torch_module
