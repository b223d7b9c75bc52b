#include "base/json.hpp"

#include <doctest/doctest.h>

using namespace millrace;

namespace {
bool accepted(std::string_view text) { return parse_json(text).has_value(); }
} // namespace

TEST_CASE("JSON of every kind is read, with blanks around it") {
    for (const char* text : {"{}", "[]", "null", "true", "-1.5e3", "\"a\"", " \t\r\n{\"a\": [1, {\"b\": \"c:d\"}]}\n ", R"({"a\"b:":"\\\":","c":":"})"})
        CHECK_MESSAGE(accepted(text), text);
}

TEST_CASE("a key that comes twice is refused, at any depth and however it is written") {
    for (const char* text : {R"({"a":1,"a":2})", R"({"a":1,"a":1})", R"([{"x":{"b":1,"c":2,"b":3}}])", R"({"a":1,"\u0061":2})", R"({"":1,"":2})"}) {
        const auto result = parse_json(text);
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().code == Code::invalid_argument);
        CHECK(result.error().detail.find("twice") != std::string::npos);
    }
    CHECK(accepted(R"({"a":{"b":1},"c":{"b":1}})"));
}

TEST_CASE("nesting is bounded") {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    CHECK(accepted(nested(max_json_depth)));
    CHECK_FALSE(accepted(nested(max_json_depth + 1)));
    CHECK_FALSE(accepted(nested(100'000)));
    CHECK_FALSE(accepted(std::string(100'000, '[')));
}

TEST_CASE("what is not one JSON value is refused with the byte it went wrong at") {
    for (const char* text : {"", " ", "{", "{\"a\":1", "{\"a\":1}x", "{} {}", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "01", "1.", "+1", "NaN", "Infinity",
                             "\"a", "\"\t\"", "\"\\x\"", "tru", "// c\n{}", "\xef\xbb\xbf{}", "\"\xff\"", "\"\\ud800\"", "1 2"}) {
        CAPTURE(text);
        CHECK_FALSE(accepted(text));
    }
    CHECK(parse_json("{\"a\":1}x").error().detail.find("byte 7") != std::string::npos);
}

TEST_CASE("numbers on their own are read to their end") {
    CHECK(*parse_json("12") == 12);
    CHECK(*parse_json("18446744073709551615") == 18446744073709551615ULL);
    CHECK(*parse_json(" 7 ") == 7);
}

TEST_CASE("members are typed: absent and null are none, another type is an error that names the member") {
    const auto value = parse_json(R"({"s":"text","n":5,"d":2.5,"whole":3.0,"b":true,"null":null,"big":9223372036854775808})");
    const auto& object = value->as_object();
    CHECK(*string_field(object, "s").value() == "text");
    CHECK_FALSE(string_field(object, "absent").value().has_value());
    CHECK_FALSE(string_field(object, "null").value().has_value());
    CHECK(string_field(object, "n").error().code == Code::unprocessable);
    CHECK(string_field(object, "n").error().detail.find("\"n\"") != std::string::npos);
    CHECK(string_field(object, "s", 3).has_error());

    CHECK(*integer_field(object, "n", 0, 5).value() == 5);
    CHECK(*integer_field(object, "whole", 0, 5).value() == 3);
    CHECK(integer_field(object, "n", 0, 4).has_error());
    CHECK(integer_field(object, "d", 0, 9).has_error());
    CHECK(integer_field(object, "big", 0, 9).has_error());
    CHECK(integer_field(object, "b", 0, 9).has_error());
    CHECK(integer_field(object, "s", 0, 9).has_error());

    CHECK(*number_field(object, "d", 0, 5).value() == 2.5);
    CHECK(*number_field(object, "n", 0, 5).value() == 5.0);
    CHECK(number_field(object, "d", 0, 2).has_error());
    CHECK(*boolean_field(object, "b").value());
    CHECK(boolean_field(object, "n").has_error());
}

TEST_CASE("a misspelt member is an error, not a default") {
    const auto value = parse_json(R"({"kind":"echo","prioritty":3})");
    const auto result = only_fields(value->as_object(), {"kind", "priority"});
    REQUIRE(result.has_error());
    CHECK(result.error().detail.find("prioritty") != std::string::npos);
    CHECK(only_fields(value->as_object(), {"kind", "prioritty"}).has_value());
}
