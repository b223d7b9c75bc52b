#include "values/half.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace millrace::values {
namespace {

// The bits of the nearest number that has a sign, `exponent_bits` and `fraction_bits`, by the rules of IEEE 754.
// Rounded once, from the double itself: by way of a float, halves between two numbers could be rounded twice.
std::uint16_t narrow(double number, int exponent_bits, int fraction_bits) {
    const std::uint16_t sign = std::signbit(number) ? 0x8000 : 0;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const auto infinity = static_cast<std::uint16_t>(((1 << exponent_bits) - 1) << fraction_bits);
    if (std::isnan(number)) return static_cast<std::uint16_t>(sign | infinity | 1 << (fraction_bits - 1));
    if (std::isinf(number)) return sign | infinity;
    if (number == 0) return sign;
    const int exponent = std::max(std::ilogb(number), 1 - bias); // below: numbers without the leading 1
    const double steps =
        std::nearbyint(std::ldexp(std::abs(number), fraction_bits - exponent)); // to even, as is the default
    // The leading 1 adds one to the exponent, and so does rounding up to the next power of two.
    const double bits = std::ldexp(exponent + bias - 1, fraction_bits) + steps;
    return bits >= infinity ? sign | infinity : static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(bits));
}

} // namespace

float widen(Half half) {
    const std::uint32_t sign = std::uint32_t{half.bits & 0x8000u} << 16, exponent = half.bits >> 10 & 31u;
    const std::uint32_t fraction = half.bits & 0x3ffu;
    if (exponent == 0) { // zero and what lies below the smallest normal number
        const float value = std::ldexp(static_cast<float>(fraction), -24);
        return sign ? -value : value;
    }
    const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
    return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

float widen(Brain number) { return std::bit_cast<float>(std::uint32_t{number.bits} << 16); }

Half to_half(double number) { return {narrow(number, 5, 10)}; }
Brain to_brain(double number) { return {narrow(number, 8, 7)}; }

} // namespace millrace::values
