// TorchScript: loading, and the faster forms of a module, each kept only if it gives what the plain module gives.
#pragma once
#include "inference/torch/model.hpp"

#include <memory>
#include <vector>

namespace millrace::torch_module {

// `arguments`: one call's inputs, for the comparison; none: the module stays plain. Throws what libtorch throws.
std::unique_ptr<Model> load_script(const void* bytes, std::uint64_t size, const std::vector<at::Tensor>& arguments,
                                   const mr_load_options& options, mr_load_report& report);

} // namespace millrace::torch_module
