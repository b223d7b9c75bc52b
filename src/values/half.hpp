// Numbers of half precision: IEEE 754 binary16 (FP16) and bfloat16 (BF16), as their bits. The compiler has no types for
// them. Widening is exact, narrowing rounds to the nearest, of two equally near ones to the even one; what is beyond
// the largest becomes infinity. Pure.
#pragma once
#include <cstdint>

namespace millrace::values {

struct Half {
    std::uint16_t bits = 0;
};
struct Brain {
    std::uint16_t bits = 0;
};

float widen(Half number);
float widen(Brain number);

Half to_half(double number);
Brain to_brain(double number);

} // namespace millrace::values
