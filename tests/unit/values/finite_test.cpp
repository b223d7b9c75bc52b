#include "values/finite.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace millrace::values;

namespace {

template <class T>
std::string raw(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

} // namespace

TEST_CASE("what is no number is found in each type that can have it") {
    const auto infinity = std::numeric_limits<double>::infinity();
    CHECK(all_finite(Datatype::fp64, raw<double>({0, -1e308, 5e-324})));
    CHECK_FALSE(all_finite(Datatype::fp64, raw<double>({0, -infinity})));
    CHECK_FALSE(has_nan(Datatype::fp64, raw<double>({infinity})));
    CHECK(has_nan(Datatype::fp64, raw<double>({0, std::nan("")})));
    CHECK(all_finite(Datatype::fp32, raw<float>({3.4e38F, 0})));
    CHECK_FALSE(all_finite(Datatype::fp32, raw<float>({std::nanf("")})));
    CHECK_FALSE(all_finite(Datatype::fp16, raw<std::uint16_t>({0x7c00})));
    CHECK(all_finite(Datatype::fp16, raw<std::uint16_t>({0x7bff})));
    CHECK(has_nan(Datatype::bf16, raw<std::uint16_t>({0x7fc0})));
    CHECK(all_finite(Datatype::int64, raw<std::int64_t>({-1}))); // all bits set
}
