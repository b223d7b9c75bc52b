// AOTInductor packages (.pt2): a shared library that torch.export and AOTInductor made of a model, with its weights.
#pragma once
#include "inference/torch/model.hpp"

#include <memory>

namespace millrace::torch_module {

bool is_compiled(const void* bytes, std::uint64_t size); // by the names of its entries

// Throws std::runtime_error that says so where this libtorch cannot run them (before 2.6), or where the package was
// made for another device or for instructions that this processor lacks.
std::unique_ptr<Model> load_compiled(const void* bytes, std::uint64_t size, const mr_load_options& options,
                                     mr_load_report& report);

} // namespace millrace::torch_module
