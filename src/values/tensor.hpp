// What a tensor is, as plain values: element type, shape, name. The names of the types are those of the Open
// Inference Protocol.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::values {

// The numbers cross the boundary to the runtime module and to the worker: never renumber.
enum class Datatype : std::uint8_t {
    boolean = 0,
    uint8 = 1,
    int8 = 2,
    int16 = 3,
    int32 = 4,
    int64 = 5,
    fp16 = 6,
    fp32 = 7,
    fp64 = 8,
    bf16 = 9,
};

std::string_view name(Datatype type); // "FP32"
std::optional<Datatype> datatype(std::string_view name);
std::optional<Datatype> datatype(std::uint8_t number);
std::size_t element_size(Datatype type); // bytes

using Shape = std::vector<std::int64_t>;
inline constexpr std::size_t max_rank = 8;

// Product of the dimensions; nullopt for a negative dimension or above 2^40 (never overflows).
std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape);
std::string shape_text(std::span<const std::int64_t> shape); // "[68,-1,-1]"

// A declared tensor. The shape leaves the batch dimension out; -1 stands for any size.
struct TensorSpec {
    std::string name;
    Datatype datatype = Datatype::fp32;
    Shape shape;

    // `least`: of an open dimension.
    bool accepts(std::span<const std::int64_t> actual, std::int64_t least = 1) const;
};

} // namespace millrace::values
