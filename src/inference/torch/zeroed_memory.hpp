// What a model asks for and does not write (torch.empty, a tensor that grows) holds what was there before: weights of
// others, other callers' inputs. So it is given zeros instead.
//
// Zeros for every tensor cost a ResNet-18 an eighth of its speed, and nearly all tensors are written at once by the
// operator that made them. So they are given while a model is loaded (its __setstate__ is code), while a model is
// loaded that has an operator which hands out memory as it is, and while a compiled model runs, in which nothing can be
// looked for. The processor's memory only; on a CUDA device libtorch has no such switch.
#pragma once
#include <torch/csrc/jit/api/module.h>

namespace millrace::torch_module {

// While one exists, new tensors of the whole process begin as zeros. Any thread.
class ZeroedMemory {
public:
    ZeroedMemory();
    ~ZeroedMemory();
    ZeroedMemory(const ZeroedMemory&) = delete;
    ZeroedMemory& operator=(const ZeroedMemory&) = delete;
};

// Whether code of the module, run or not, may get memory as it is: an operator with "empty" or "resize" in its name,
// set_, or one of libtorch's internal ones (which begin with an underscore), of which some leave results unwritten.
bool takes_raw_memory(const torch::jit::Module& module);

} // namespace millrace::torch_module
