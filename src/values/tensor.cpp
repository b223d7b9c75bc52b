#include "values/tensor.hpp"

#include <array>

namespace millrace::values {
namespace {

struct TypeRow {
    std::string_view name;
    std::size_t size;
};
constexpr std::array<TypeRow, 10> types{{{"BOOL", 1},
                                         {"UINT8", 1},
                                         {"INT8", 1},
                                         {"INT16", 2},
                                         {"INT32", 4},
                                         {"INT64", 8},
                                         {"FP16", 2},
                                         {"FP32", 4},
                                         {"FP64", 8},
                                         {"BF16", 2}}};

} // namespace

std::string_view name(Datatype type) { return types[static_cast<std::size_t>(type)].name; }

std::optional<Datatype> datatype(std::string_view text) {
    for (std::size_t i = 0; i < types.size(); ++i)
        if (types[i].name == text) return static_cast<Datatype>(i);
    return std::nullopt;
}

std::optional<Datatype> datatype(std::uint8_t number) {
    return number < types.size() ? std::optional{static_cast<Datatype>(number)} : std::nullopt;
}

std::size_t element_size(Datatype type) { return types[static_cast<std::size_t>(type)].size; }

std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape) {
    constexpr std::uint64_t limit = std::uint64_t{1} << 40;
    std::uint64_t count = 1;
    bool zero = false;
    for (const auto dimension : shape) {
        if (dimension < 0 || static_cast<std::uint64_t>(dimension) > limit) return std::nullopt;
        if (dimension == 0) {
            zero = true;
            continue;
        }
        if (count > limit / static_cast<std::uint64_t>(dimension)) return std::nullopt;
        count *= static_cast<std::uint64_t>(dimension);
    }
    return zero ? 0 : count;
}

std::string shape_text(std::span<const std::int64_t> shape) {
    std::string text = "[";
    for (const auto dimension : shape) {
        if (text.size() > 1) text += ',';
        text += std::to_string(dimension);
    }
    return text + "]";
}

bool TensorSpec::accepts(std::span<const std::int64_t> actual, std::int64_t least) const {
    if (actual.size() != shape.size()) return false;
    for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] != actual[i] && (shape[i] != -1 || actual[i] < least)) return false;
    return true;
}

} // namespace millrace::values
