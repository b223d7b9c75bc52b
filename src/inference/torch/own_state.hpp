// What a module keeps by itself: buffers, counters, caches. A forward() that changes it would carry what one caller
// sent over to the next one, and two passes at a time would change it under each other. So each pass of such a module
// has a copy of its own, which begins as the file says; parameters, which are the bulk, are shared by all copies.
#pragma once
#include <torch/csrc/jit/api/module.h>

namespace millrace::torch_module {

enum class Changes { nothing, state, parameters }; // parameters: these, too, or it cannot be told

// What forward() may change of its module, for any input: told by freezing a copy of it, which turns into constants
// whatever no operation writes to. `module` is in eval mode, and is left as it is.
Changes changes_of(const torch::jit::Module& module);

// A module of the same type and code. Buffers and other attributes are copied, as deep as they go; parameters are with
// Changes::parameters, else shared.
torch::jit::Module fresh_copy(const torch::jit::Module& module, Changes changes);

} // namespace millrace::torch_module
