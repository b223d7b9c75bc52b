#include "inference/worker/tensor/padding.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <vector>

using namespace millrace;
using namespace millrace::inference::worker;
using values::Datatype;

namespace {

template <class Number>
std::vector<Number> padded(Datatype type, const std::vector<Number>& row, std::size_t wide, std::int64_t padding) {
    TensorValue value;
    value.datatype = type;
    value.shape = {static_cast<std::int64_t>(row.size())};
    value.bytes.resize(row.size() * sizeof(Number));
    std::memcpy(value.bytes.data(), row.data(), value.bytes.size());
    std::vector<Number> filled(wide);
    pad_rows(value, 1, static_cast<std::int64_t>(wide), padding, reinterpret_cast<std::byte*>(filled.data()));
    return filled;
}

} // namespace

TEST_CASE("a short text is filled up with the padding as a number of its type") {
    CHECK(padded<std::int64_t>(Datatype::int64, {7, 8}, 4, 1) == std::vector<std::int64_t>{7, 8, 1, 1});
    CHECK(padded<std::int32_t>(Datatype::int32, {7}, 2, -1) == std::vector<std::int32_t>{7, -1});
    CHECK(padded<float>(Datatype::fp32, {0.5F}, 3, 2) == std::vector<float>{0.5F, 2.0F, 2.0F});
    // As bits: 1 is 0x3c00 in half precision (IEEE 754) and 0x3f80 in bfloat16.
    CHECK(padded<std::uint16_t>(Datatype::fp16, {0x3800}, 2, 1) == std::vector<std::uint16_t>{0x3800, 0x3c00});
    CHECK(padded<std::uint16_t>(Datatype::bf16, {0x3f00}, 2, 1) == std::vector<std::uint16_t>{0x3f00, 0x3f80});
}
