// The device that this process's models run on, opened once. The code is the same for the CPU and for CUDA: it uses
// libtorch's device-independent interfaces, so that it builds against a libtorch without CUDA.
#pragma once
#include "inference/torch/runtime_abi.h"

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <string>

namespace millrace::torch_module::device {

// "cpu" or "cuda:N"; throws std::invalid_argument for another name, std::runtime_error when it is not there.
void open(const std::string& name);
at::Device get();

// Gives the calling thread a stream of its own.
void enter_thread();

// The caller's bytes as a tensor on the device: on the CPU borrowed, elsewhere copied through pinned memory while the
// stream goes on.
at::Tensor upload(const mr_tensor& tensor);
// A tensor of the process's memory with the values of `tensor`; valid after synchronize().
at::Tensor download(const at::Tensor& tensor);
void synchronize(); // waits for the calling thread's stream

void release_memory();
mr_memory memory();

} // namespace millrace::torch_module::device
