// libtorch's loader puts what a pickle says into the attributes of its objects without a look at their types, and the
// interpreter then reads an object's attributes by place: an object of another class is read beyond its end.
#pragma once
#include <torch/csrc/jit/api/module.h>

namespace millrace::torch_module {

// Throws std::runtime_error with the attribute's name when the module, or an object below it, holds a value of another
// type than its class declares.
void check_attribute_types(const torch::jit::Module& module);

} // namespace millrace::torch_module
