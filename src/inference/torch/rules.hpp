// The rules of a model's inputs and outputs (runtime_abi.h) as values of this side.
#pragma once
#include "inference/torch/runtime_abi.h"

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

namespace millrace::torch_module {

struct InputRule {
    std::string name;
    std::optional<std::string> argument, key;
    bool optional = false;
};

struct OutputRule {
    std::string name;
    std::vector<std::string> path; // empty: by its name, else by its place
    uint32_t datatype = 0;
    bool optional = false;
};

struct Rules {
    explicit Rules(const mr_load_options& options);
    std::vector<InputRule> inputs;
    std::vector<OutputRule> outputs;
};

// One output of a pass.
struct Output {
    mr_form form = MR_NONE;
    std::vector<at::Tensor> tensors; // one, or one a row
};

} // namespace millrace::torch_module
