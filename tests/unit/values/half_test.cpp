#include "values/half.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

using namespace millrace::values;

TEST_CASE("every number of half precision comes back from the wider type as it was") {
    for (unsigned bits = 0; bits < 0x10000; ++bits) {
        const Half half{static_cast<std::uint16_t>(bits)};
        const Brain brain{static_cast<std::uint16_t>(bits)};
        if (const float wide = widen(half); std::isnan(wide))
            CHECK(std::isnan(widen(to_half(static_cast<double>(wide)))));
        else if (to_half(static_cast<double>(wide)).bits != bits) FAIL("FP16 " << bits);
        if (const float wide = widen(brain); std::isnan(wide))
            CHECK(std::isnan(widen(to_brain(static_cast<double>(wide)))));
        else if (to_brain(static_cast<double>(wide)).bits != bits) FAIL("BF16 " << bits);
    }
}

TEST_CASE("what lies between two numbers becomes the nearer one, of equally near ones the even one") {
    for (unsigned bits = 0; bits + 1 < 0x7c00; ++bits) {
        const double low = static_cast<double>(widen(Half{static_cast<std::uint16_t>(bits)})),
                     high = static_cast<double>(widen(Half{static_cast<std::uint16_t>(bits + 1)}));
        const double middle = (low + high) / 2, step = (high - low) / 1e6;
        const bool right = to_half(middle).bits == bits + bits % 2 && to_half(middle - step).bits == bits &&
                           to_half(middle + step).bits == bits + 1 &&
                           to_half(-middle).bits == (0x8000 | (bits + bits % 2));
        if (!right) FAIL("FP16 " << bits);
    }
    // A value that a float would round to the middle first.
    CHECK(to_half(1 + 1.0 / 2048 + 1e-12).bits == 0x3c01);
    CHECK(to_half(1 + 1.0 / 2048).bits == 0x3c00);
    CHECK(to_brain(1 + 1.0 / 256 + 1e-12).bits == 0x3f81);
    CHECK(to_brain(1 + 1.0 / 256).bits == 0x3f80);
    CHECK(to_brain(1 + 3.0 / 256).bits == 0x3f82);
}

TEST_CASE("what is beyond half precision becomes infinity, and what is too small zero") {
    CHECK(to_half(65504).bits == 0x7bff);
    CHECK(to_half(65519.99).bits == 0x7bff);
    CHECK(to_half(65520).bits == 0x7c00);
    CHECK(to_half(-1e300).bits == 0xfc00);
    CHECK(to_half(std::ldexp(1.0, -24)).bits == 1);
    CHECK(to_half(std::ldexp(1.0, -25)).bits == 0);
    CHECK(to_half(std::ldexp(1.1, -25)).bits == 1);
    CHECK(to_half(-0.0).bits == 0x8000);
    CHECK(to_brain(std::numeric_limits<double>::max()).bits == 0x7f80);
    CHECK(to_brain(static_cast<double>(std::numeric_limits<float>::max())).bits == 0x7f80); // rounded up
    CHECK(to_brain(std::numeric_limits<double>::infinity()).bits == 0x7f80);
}
