// A loaded model of either kind.
#pragma once
#include "inference/torch/rules.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace millrace::torch_module {

class Model {
public:
    virtual ~Model() = default;
    // One tensor for each rule of the inputs, undefined where it is absent; gives one Output for each rule of the
    // outputs. On the calling thread's stream. Several threads may run one model. Throws what libtorch throws.
    virtual std::vector<Output> run(const std::vector<at::Tensor>& inputs) = 0;
    virtual void begin_service() {} // with no pass under way
};

inline void put_text(char* to, std::uint64_t size, const std::string& text) {
    if (size == 0) return;
    const auto length = std::min<std::uint64_t>(size - 1, text.size());
    std::memcpy(to, text.data(), length);
    to[length] = 0;
}

// The rows of the batch, by the first input that is there.
inline std::int64_t rows_of(const std::vector<at::Tensor>& inputs) {
    for (const auto& input : inputs)
        if (input.defined()) return input.dim() > 0 ? input.size(0) : 1;
    return 1;
}

// The message without libtorch's C++ backtrace.
inline std::string short_text(const std::string& text) {
    const auto cut = std::min(text.find("\nException raised from"), text.find("\nframe #0"));
    return text.substr(0, std::min<std::size_t>(cut, 2000));
}

} // namespace millrace::torch_module
