#include "store/move/row_key.hpp"

#include <doctest/doctest.h>

using namespace millrace::store;

TEST_CASE("a key is read back from its text") {
    const RowKey key{{std::string{"ä\"\\\n"}, std::int64_t{-5}, std::int64_t{1} << 62, std::string{}}};
    CHECK(RowKey::parse(key.text()) == key);
    std::vector<Value> values;
    key.bind(values);
    CHECK(values.size() == 4);
    CHECK_THROWS_AS(RowKey::parse("{}"), DatabaseError);
    CHECK_THROWS_AS(RowKey::parse("[null]"), DatabaseError);
}

TEST_CASE("keys are ordered as both databases order them: numbers by value, texts by their bytes") {
    const auto of = [](std::string text, std::int64_t number) { return RowKey{{std::move(text), number}}; };
    CHECK(of("a", 9) < of("a", 10));
    CHECK(of("a", -1) < of("a", 0));
    CHECK(of("B", 0) < of("a", 0));
    CHECK(of("a", 0) < of("a ", 0));
    CHECK(of("z", 0) < of("\xc3\xa4", 0));
}
