#include "base/json_text.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace millrace;

TEST_CASE("numbers are written as people write them, and read back the same") {
    const std::pair<double, const char*> cases[] = {{10, "10"},
                                                    {0.25, "0.25"},
                                                    {-1.5, "-1.5"},
                                                    {0, "0"},
                                                    {100000, "100000"},
                                                    {1e-5, "0.00001"},
                                                    {1e20, "100000000000000000000"},
                                                    {1e300, "1e+300"},
                                                    {0.1, "0.1"},
                                                    {5e-324, "5e-324"}};
    for (const auto& [number, text] : cases) {
        CHECK(json_text(json::value(number)) == text);
        CHECK(json::parse(text).to_number<double>() == number);
    }
    std::string out;
    append_number(out, 0.1F);
    CHECK(out == "0.1");
    CHECK(json_text(json::value(std::numeric_limits<double>::quiet_NaN())) == "null");
}

TEST_CASE("everything else is written as boost writes it") {
    const auto value =
        json::parse(R"({"a":[1,-2,18446744073709551615,true,null,{}],"b":"é\n\"\\","":[],"c":{"d":[[0.5]]}})");
    CHECK(json_text(value) ==
          R"({"a":[1,-2,18446744073709551615,true,null,{}],"b":"é\n\"\\","":[],"c":{"d":[[0.5]]}})");
    CHECK(json::parse(json_text(value)) == value);
}
