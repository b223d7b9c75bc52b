#include "store/move/row_hash.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace millrace::store;

namespace {

std::uint64_t of_texts(const std::vector<std::string>& texts) {
    RowHash hash;
    for (const auto& text : texts) hash.add_text(text);
    return hash.value();
}

std::uint64_t of_integer(std::int64_t value) {
    RowHash hash;
    hash.add_integer(value);
    return hash.value();
}

} // namespace

TEST_CASE("a row's hash changes with each value, and with the column that holds it") {
    CHECK(of_texts({"a", "b"}) == of_texts({"a", "b"}));
    CHECK(of_texts({"a", "b"}) != of_texts({"b", "a"}));
    CHECK(of_texts({"ab", ""}) != of_texts({"a", "b"}));
    CHECK(of_texts({"12345678", "9"}) != of_texts({"123456789", ""}));
    CHECK(of_texts({std::string(8, 'a')}) != of_texts({std::string(16, 'a')}));
    CHECK(of_integer(1) != of_integer(2));
    CHECK(of_integer(-1) != of_integer(1));
    CHECK(of_texts({"1"}) != of_integer(1));
    RowHash null, real;
    null.add_null();
    real.add_real(1);
    CHECK(null.value() != of_texts({""}));
    CHECK(real.value() != of_integer(1));
}

TEST_CASE("a zero character counts as what PostgreSQL is given in its place") {
    using namespace std::string_literals;
    CHECK(of_texts({"a\0b"s}) == of_texts({"a\xef\xbf\xbd"
                                           "b"}));
    CHECK(of_texts({"a\0b"s}) != of_texts({"ab"}));
}

TEST_CASE("the hash of rows knows no order, and two equal rows do not cancel out") {
    const RowSum one{1, of_integer(1)}, two{1, of_integer(2)};
    RowSum forth, back, twice;
    forth += one;
    forth += two;
    back += two;
    back += one;
    twice += one;
    twice += one;
    CHECK(forth == back);
    CHECK(twice != RowSum{2, 0});
    CHECK(twice != forth);
}
