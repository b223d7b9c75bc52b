#include "inference/torch/tensor_bridge.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace millrace::torch_module {
namespace {

// By the numbers of values::Datatype.
constexpr at::ScalarType scalar_types[] = {at::kBool, at::kByte, at::kChar,  at::kShort,  at::kInt,
                                           at::kLong, at::kHalf, at::kFloat, at::kDouble, at::kBFloat16};

} // namespace

at::Tensor borrow(const mr_tensor& tensor) {
    if (tensor.datatype >= std::size(scalar_types) || tensor.rank > MR_MAX_RANK)
        throw std::invalid_argument{"unknown datatype or rank"};
    const auto type = scalar_types[tensor.datatype];
    uint64_t bytes = c10::elementSize(type);
    std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.rank);
    for (const auto dimension : shape) {
        if (dimension < 0 || (dimension > 0 && bytes > (uint64_t{1} << 44) / static_cast<uint64_t>(dimension)))
            throw std::invalid_argument{"impossible shape"};
        bytes *= static_cast<uint64_t>(dimension);
    }
    if (bytes != tensor.bytes) throw std::invalid_argument{"shape and size do not agree"};
    return at::from_blob(const_cast<void*>(tensor.data), shape, at::TensorOptions{}.dtype(type));
}

at::Tensor presentable(const at::Tensor& tensor, uint32_t wanted) {
    if (!tensor.defined()) throw std::runtime_error{"the model returned an undefined tensor"};
    at::Tensor result = tensor.is_mkldnn() ? tensor.to_dense() : tensor;
    const auto type = result.scalar_type();
    const bool half = wanted < std::size(scalar_types) &&
                      (scalar_types[wanted] == at::kHalf || scalar_types[wanted] == at::kBFloat16);
    if (type == at::kHalf || type == at::kBFloat16) result = result.to(half ? scalar_types[wanted] : at::kFloat);
    bool known = false;
    for (const auto candidate : scalar_types) known = known || candidate == result.scalar_type();
    if (!known || result.layout() != at::kStrided)
        throw std::runtime_error{"the model returned a tensor of a type that cannot be passed on"};
    if (result.dim() > MR_MAX_RANK) throw std::runtime_error{"the model returned a tensor of too many dimensions"};
    return result;
}

mr_tensor describe(const at::Tensor& tensor) {
    mr_tensor out{};
    for (uint32_t i = 0; i < std::size(scalar_types); ++i)
        if (scalar_types[i] == tensor.scalar_type()) out.datatype = i;
    out.rank = static_cast<uint32_t>(tensor.dim());
    for (uint32_t i = 0; i < out.rank; ++i) out.shape[i] = tensor.size(i);
    out.data = tensor.data_ptr();
    out.bytes = static_cast<uint64_t>(tensor.numel()) * tensor.element_size();
    return out;
}

} // namespace millrace::torch_module
