#include "inference/archive/torch_global.hpp"

#include <algorithm>
#include <array>

namespace millrace::inference {
namespace {

using Family = ElementType::Family;
using Kind = TorchGlobal::Kind;

// c10/core/ScalarType.h, all that libtorch up to 2.14 reads from a pickle and can compute with.
constexpr std::array element_types{
    ElementType{"Byte", 1},
    ElementType{"Char", 1},
    ElementType{"Short", 2},
    ElementType{"Int", 4},
    ElementType{"Long", 8},
    ElementType{"UInt16", 2},
    ElementType{"UInt32", 4},
    ElementType{"UInt64", 8},
    ElementType{"Half", 2},
    ElementType{"BFloat16", 2},
    ElementType{"Float", 4},
    ElementType{"Double", 8},
    ElementType{"Bool", 1},
    ElementType{"Float8_e5m2", 1},
    ElementType{"Float8_e4m3fn", 1},
    ElementType{"Float8_e5m2fnuz", 1},
    ElementType{"Float8_e4m3fnuz", 1},
    ElementType{"Float8_e8m0fnu", 1},
    ElementType{"ComplexHalf", 4, 1, Family::complex},
    ElementType{"ComplexFloat", 8, 1, Family::complex},
    ElementType{"ComplexDouble", 16, 1, Family::complex},
    ElementType{"QInt8", 1, 1, Family::quantized},
    ElementType{"QUInt8", 1, 1, Family::quantized},
    ElementType{"QInt32", 4, 1, Family::quantized},
    ElementType{"QUInt4x2", 1, 2, Family::quantized},
    ElementType{"QUInt2x4", 1, 4, Family::quantized},
};

struct Named {
    std::string_view module, name;
    Kind kind;
};

constexpr std::array functions{
    Named{"torch._utils", "_rebuild_tensor_v2", Kind::tensor},
    Named{"torch._utils", "_rebuild_qtensor", Kind::quantized},
    Named{"torch._utils", "_rebuild_sparse_tensor", Kind::sparse},
    Named{"torch.jit._pickle", "build_intlist", Kind::list},
    Named{"torch.jit._pickle", "build_tensorlist", Kind::list},
    Named{"torch.jit._pickle", "build_doublelist", Kind::list},
    Named{"torch.jit._pickle", "build_boollist", Kind::list},
    Named{"torch.jit._pickle", "restore_type_tag", Kind::type_tag},
    Named{"torch", "device", Kind::device},
    Named{"torch", "per_tensor_affine", Kind::scheme},
    Named{"torch", "per_channel_affine", Kind::scheme},
    Named{"torch", "per_channel_affine_float_qparams", Kind::scheme},
    Named{"builtins", "complex", Kind::complex_number},
    Named{"collections", "OrderedDict", Kind::hooks},
};

} // namespace

std::optional<TorchGlobal> find_torch_global(std::string_view module, std::string_view name) {
    if (module == "__torch__" || module.starts_with("__torch__."))
        return TorchGlobal{Kind::own_class, module, name, {}};
    for (const auto& each : functions)
        if (each.module == module && each.name == name) return TorchGlobal{each.kind, module, name, {}};
    constexpr std::string_view suffix = "Storage";
    if (module != "torch" || !name.ends_with(suffix)) return std::nullopt;
    const auto* found = std::find_if(element_types.begin(), element_types.end(), [&](const auto& each) {
        return each.name == name.substr(0, name.size() - suffix.size());
    });
    if (found == element_types.end()) return std::nullopt;
    return TorchGlobal{Kind::element_type, module, name, *found};
}

} // namespace millrace::inference
