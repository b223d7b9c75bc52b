// The names of Python that a TorchScript archive's pickles may contain: those that torch's C++ pickler writes
// (torch/csrc/jit/serialization/pickler.cpp), and the classes of the archive's own code. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::inference {

// What a storage's elements are, c10::ScalarType.
struct ElementType {
    enum class Family : std::uint8_t { plain, complex, quantized };

    std::string_view name;     // "Float"
    std::uint8_t bytes = 0;    // of one unit of storage
    std::uint8_t per_unit = 1; // elements that share a unit (4-bit and 2-bit weights)
    Family family = Family::plain;

    bool operator==(const ElementType& other) const { return name == other.name; }
};

struct TorchGlobal {
    enum class Kind : std::uint8_t {
        element_type,   // torch.FloatStorage …
        scheme,         // torch.per_tensor_affine …, how a tensor is quantised
        tensor,         // torch._utils._rebuild_tensor_v2
        quantized,      // torch._utils._rebuild_qtensor
        sparse,         // torch._utils._rebuild_sparse_tensor
        list,           // torch.jit._pickle.build_intlist …
        type_tag,       // torch.jit._pickle.restore_type_tag
        device,         // torch.device
        complex_number, // builtins.complex
        hooks,          // collections.OrderedDict
        own_class,      // __torch__.…
    };
    Kind kind = Kind::own_class;
    std::string_view module, name; // into the pickle
    ElementType type{};            // of element_type
};

// nullopt for any other name.
std::optional<TorchGlobal> find_torch_global(std::string_view module, std::string_view name);

} // namespace millrace::inference
