#include "models/model.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::models;

TEST_CASE("a model's name is fit for addresses and labels") {
    for (const char* good : {"a", "digits", "land-cover_2", "0"}) CHECK_MESSAGE(is_name(good), good);
    for (const char* bad : {"", "-a", "_a", "A", "a b", "a/b", "..", "a.b", "\xc3\xa9"}) CHECK_MESSAGE(!is_name(bad), bad);
    CHECK(is_name(std::string(63, 'a')));
    CHECK_FALSE(is_name(std::string(64, 'a')));
}

TEST_CASE("a version is a plain positive number") {
    CHECK(version_number("1") == 1);
    CHECK(version_number("120") == 120);
    for (const char* bad : {"", "0", "01", "-1", "+1", "1.0", "v1", " 1", "1234567890"}) CHECK_MESSAGE(!version_number(bad), bad);
}
