// How a model's inputs become the arguments of forward(): planned once from the types that forward() declares, so that
// what does not fit is said when the model is loaded.
#pragma once
#include "inference/torch/rules.hpp"

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>

#include <vector>

namespace millrace::torch_module {

class Arguments {
public:
    // `schema`: of forward(), whose first argument is the module itself. Throws std::runtime_error where the rules do
    // not fit it.
    Arguments(const c10::FunctionSchema& schema, const std::vector<InputRule>& rules);

    // The arguments after the module. An input that is absent is an undefined tensor.
    std::vector<c10::IValue> make(const std::vector<at::Tensor>& inputs) const;

private:
    enum class Form { none, tensor, rows, dict, list, tuple };
    struct Part {
        std::size_t input = 0;
        std::string key;
    };
    struct Argument {
        std::string name;
        Form form = Form::none;
        std::vector<Part> parts; // one, or as many as the dict, list or tuple has
        c10::IValue otherwise;   // when its input is absent: its default, or None
        bool has_otherwise = false;
    };
    void put(std::size_t place, std::size_t input, const c10::FunctionSchema& schema, const InputRule& rule);
    static c10::IValue value(const Argument& argument, const std::vector<at::Tensor>& inputs);

    std::vector<Argument> arguments_;
};

} // namespace millrace::torch_module
