// What forward() returned, taken apart by the rules of the outputs.
#pragma once
#include "inference/torch/rules.hpp"

#include <ATen/core/ivalue.h>

#include <vector>

namespace millrace::torch_module {

// One Output for each rule. `rows`: of the batch. Throws std::runtime_error with what was returned, where a rule finds
// nothing and its output is not optional, or finds something that is no tensor.
std::vector<Output> outputs_of(const c10::IValue& returned, const std::vector<OutputRule>& rules, std::int64_t rows);

} // namespace millrace::torch_module
