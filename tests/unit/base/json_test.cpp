#include "base/json.hpp"

#include "base/json_text.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

using namespace millrace;

namespace {
bool accepted(std::string_view text) { return parse_json(text).has_value(); }
} // namespace

TEST_CASE("JSON of every kind is read, with blanks around it") {
    for (const char* text : {"{}", "[]", "null", "true", "-1.5e3", "\"a\"", " \t\r\n{\"a\": [1, {\"b\": \"c:d\"}]}\n ",
                             R"({"a\"b:":"\\\":","c":":"})"})
        CHECK_MESSAGE(accepted(text), text);
}

TEST_CASE("a key that comes twice is refused, at any depth and however it is written") {
    for (const char* text : {R"({"a":1,"a":2})", R"({"a":1,"a":1})", R"([{"x":{"b":1,"c":2,"b":3}}])",
                             R"({"a":1,"\u0061":2})", R"({"":1,"":2})"}) {
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
    for (const char* text :
         {"",           " ",           "{",       "{\"a\":1", "{\"a\":1}x", "{} {}",    "[1,]",
          "{\"a\":1,}", "{a:1}",       "{'a':1}", "01",       "1.",         "+1",       "NaN",
          "Infinity",   "\"a",         "\"\t\"",  "\"\\x\"",  "tru",        "// c\n{}", "\xef\xbb\xbf{}",
          "\"\xff\"",   "\"\\ud800\"", "1 2"}) {
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

TEST_CASE("a double is the nearest to its text, to the last bit") {
    const std::pair<const char*, double> cases[] = {{"0.1", 0.1},
                                                    {"1e23", 1e23},
                                                    {"8.41", 8.41},
                                                    {"9.5e-300", 9.5e-300},
                                                    {"5e-324", 5e-324},
                                                    {"2.2250738585072014e-308", 2.2250738585072014e-308},
                                                    {"1.7976931348623157e308", 1.7976931348623157e308},
                                                    {"2083.0322947900847", 2083.0322947900847},
                                                    {"-1.1030161663305387", -1.1030161663305387},
                                                    {"0.30000000000000004", 0.30000000000000004},
                                                    {"123456789.12345679", 123456789.12345679},
                                                    {"130775545883395173000123", 130775545883395173000123.0},
                                                    {"9007199254740993.0", 9007199254740992.0},
                                                    {"0.000000000000000000000000000000000000001234567890123456789",
                                                     1.234567890123456789e-39},
                                                    {"1e-400", 0.0}};
    for (const auto& [text, number] : cases) {
        CHECK(parse_json(text)->to_number<double>() == number);
        CHECK(parse_json("[" + std::string{text} + "]")->at(0).to_number<double>() == number);
    }
    for (const char* text : {"-0", "-0.0", "-1e-400"}) CHECK(std::signbit(parse_json(text)->to_number<double>()));
    CHECK(*parse_json("9223372036854775807") == std::int64_t{9223372036854775807});
    CHECK(*parse_json("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("a number that no double has room for, and half a surrogate pair, are refused wherever they stand") {
    const KeptMember kept[] = {{"", "p"}};
    const auto digits = std::string(400, '9');
    for (const std::string bad : {"1e999", "-1e999", "1.8e308", digits.c_str(), "1e99999999999999999999", R"("\ud800")",
                                  R"("\udc00x")", R"("\ud800\ud800")", "\"\xff\"", "\"\xed\xa0\x80\""}) {
        CAPTURE(bad);
        for (const auto& text :
             {bad, "[" + bad + "]", R"({"p":)" + bad + "}", R"({"p":[{"a":)" + bad + "}]}", R"({"q":)" + bad + "}"}) {
            CHECK_FALSE(parse_json(text).has_value());
            CHECK_FALSE(parse_json(text, kept).has_value());
            CHECK_FALSE(compact_json(text).has_value());
        }
    }
}

TEST_CASE("a kept member is its text: digit by digit, in its order, without blanks") {
    const KeptMember kept[] = {{"", "payload"}, {"jobs", "payload"}};
    const auto value = parse_json(
        R"( {"payload": {"n" : 36893488147419103233, "z":1.0, "a":[ -0.0, 1E3, null, true ], "\u0061b": "\u00e9\n\"" } , "kind":"x"} )",
        kept);
    REQUIRE(value.has_value());
    CHECK(*kept_text(value->at("payload")) ==
          R"({"n":36893488147419103233,"z":1.0,"a":[-0.0,1E3,null,true],"ab":"é\n\""})");
    CHECK_FALSE(kept_text(value->at("kind")).has_value());
    CHECK(json_text(*value) ==
          R"({"payload":{"n":36893488147419103233,"z":1.0,"a":[-0.0,1E3,null,true],"ab":"é\n\""},"kind":"x"})");

    for (const std::string text : {"null", "7", "\"a\"", "[]", "{}", "[[],{}]", "18446744073709551616", "false"})
        CHECK(*kept_text(parse_json(R"({"payload":)" + text + "}", kept)->at("payload")) == text);
    CHECK(*kept_text(parse_json(R"({"p\u0061yload":1.50})", kept)->at("payload")) ==
          "1.50"); // however its name is written
}

TEST_CASE("a member is kept by its place, not by its name alone") {
    const KeptMember kept[] = {{"", "payload"}, {"jobs", "payload"}};
    const auto value = parse_json(
        R"({"jobs":[{"payload":1.0},{"tags":{"payload":"t"},"payload":[{"payload":2.0}]}],"tags":{"payload":"u","jobs":"v"},"x":{"payload":3.0}})",
        kept);
    REQUIRE(value.has_value());
    const auto& jobs = value->at("jobs").as_array();
    CHECK(*kept_text(jobs[0].at("payload")) == "1.0");
    CHECK(*kept_text(jobs[1].at("payload")) == R"([{"payload":2.0}])");
    CHECK(jobs[1].at("tags").at("payload") == "t");
    CHECK(value->at("tags").at("payload") == "u");
    CHECK(value->at("x").at("payload") == 3.0);
    for (const char* bytes : {"\xff",
                              "\xff"
                              "1",
                              "\xff\xff"
                              "1.0",
                              ""})
        CHECK_FALSE(kept_text(json::value(bytes)).has_value());
    CHECK_FALSE(kept_text(*parse_json(R"({"payload":"1.0"})")->as_object().if_contains("payload"))
                    .has_value()); // a text is never taken for a kept one
}

TEST_CASE("a key that comes twice is refused in what is kept, too") {
    const KeptMember kept[] = {{"", "p"}};
    std::string many = "{";
    for (int i = 0; i < 100; ++i) many += fmt::format("\"k{}\":{},", i, i);
    for (const auto& bad :
         {std::string{R"({"a":1,"a":2})"}, std::string{R"([{"x":{"b":1,"c":2,"\u0062":3}}])"}, many + "\"k50\":1}"}) {
        CHECK_FALSE(parse_json(R"({"p":)" + bad + "}", kept).has_value());
        CHECK(compact_json(bad).error().detail.find("twice") != std::string::npos);
    }
    CHECK(compact_json(many + "\"k100\":1}").has_value());
    CHECK(compact_json(R"({"a":{"a":1},"b":{"a":2,"b":3}})").has_value());
    CHECK_FALSE(parse_json(R"({"p":1,"p":2})", kept).has_value());
}

TEST_CASE("an object of one member is replaced wherever it stands, and nothing else is touched") {
    const ReplaceObject replace = [](std::string_view value) -> Result<std::string> {
        if (value == "\"bad\"") return Error{Code::unprocessable, "no such part"};
        return "[" + std::string{value} + "]";
    };
    CHECK(*replace_objects(R"({"n": 1.0, "a":[{"$part": "x"}, {"$part":"y","z":1}], "b":{"c":{"$part":"z"}}})", "$part",
                           replace) == R"({"n":1.0,"a":[["x"],{"$part":"y","z":1}],"b":{"c":["z"]}})");
    CHECK(*replace_objects(R"({"$part":"x"})", "$part", replace) == R"(["x"])");
    CHECK(*replace_objects(R"({"x":"{\"$part\":1}"})", "$part", replace) == R"({"x":"{\"$part\":1}"})");
    CHECK(replace_objects(R"([{"$part":"bad"}])", "$part", replace).error().detail == "no such part");
}

TEST_CASE("members are typed: absent and null are none, another type is an error that names the member") {
    const auto value =
        parse_json(R"({"s":"text","n":5,"d":2.5,"whole":3.0,"b":true,"null":null,"big":9223372036854775808})");
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
