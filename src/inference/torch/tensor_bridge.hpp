// Between mr_tensor and at::Tensor. Only files of this folder include libtorch.
#pragma once
#include "inference/torch/runtime_abi.h"

#include <ATen/ATen.h>

namespace millrace::torch_module {

// Borrows the caller's memory. Throws std::invalid_argument when type, rank, shape and size do not agree.
at::Tensor borrow(const mr_tensor& tensor);

// A dense tensor of a type that the boundary knows (half precision becomes FP32), where it is. Throws on others.
at::Tensor presentable(const at::Tensor& tensor);

mr_tensor describe(const at::Tensor& contiguous);

} // namespace millrace::torch_module
