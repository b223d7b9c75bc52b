#include "values/finite.hpp"

#include <cstdint>
#include <cstring>

namespace millrace::values {
namespace {

// Of a number whose exponent is all ones: 0 is an infinity, anything else in the fraction NaN (IEEE 754).
template <class Bits>
bool any(std::string_view bytes, Bits exponent, Bits fraction, bool only_nan) {
    for (std::size_t i = 0; i + sizeof(Bits) <= bytes.size(); i += sizeof(Bits)) {
        Bits bits;
        std::memcpy(&bits, bytes.data() + i, sizeof bits);
        if ((bits & exponent) == exponent && (!only_nan || (bits & fraction) != 0)) return true;
    }
    return false;
}

bool any(Datatype type, std::string_view bytes, bool only_nan) {
    switch (type) {
    case Datatype::fp16: return any<std::uint16_t>(bytes, 0x7c00, 0x03ff, only_nan);
    case Datatype::bf16: return any<std::uint16_t>(bytes, 0x7f80, 0x007f, only_nan);
    case Datatype::fp32: return any<std::uint32_t>(bytes, 0x7f80'0000, 0x007f'ffff, only_nan);
    case Datatype::fp64: return any<std::uint64_t>(bytes, 0x7ff0'0000'0000'0000, 0x000f'ffff'ffff'ffff, only_nan);
    default: return false;
    }
}

} // namespace

bool all_finite(Datatype type, std::string_view bytes) { return !any(type, bytes, false); }
bool has_nan(Datatype type, std::string_view bytes) { return any(type, bytes, true); }

} // namespace millrace::values
