#include "base/spelling.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace millrace;

TEST_CASE("the nearest word is found, and none where nothing is near") {
    constexpr std::array<std::string_view, 4> known{"list", "show", "submit", "wait"};
    CHECK(nearest("lst", known) == "list");
    CHECK(nearest("sumbit", known) == "submit");
    CHECK(nearest("wait", known) == "wait");
    CHECK(nearest("explode", known).empty());
    CHECK(nearest("x", known).empty());
    CHECK(distance("kitten", "sitting") == 3);
}
