#include "api/protocol/protocol_request.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>
#include <limits>

using namespace millrace;
using namespace millrace::api::protocol;

namespace {

template <class T>
std::vector<T> elements(const std::string& bytes) {
    std::vector<T> out(bytes.size() / sizeof(T));
    std::memcpy(out.data(), bytes.data(), out.size() * sizeof(T));
    return out;
}

InferRequest accepted(std::string_view text) {
    auto request = parse_infer(text);
    REQUIRE_MESSAGE(request.has_value(), request.error().detail);
    return std::move(*request);
}

std::string refused(std::string_view text) {
    const auto request = parse_infer(text);
    REQUIRE_FALSE(request.has_value());
    CHECK(request.error().code == Code::invalid_argument);
    return request.error().detail;
}

bool refuses(std::string_view text, std::string_view because) {
    const auto detail = refused(text);
    INFO(detail);
    return detail.find(because) != std::string::npos;
}

std::string input(std::string_view type, std::string_view shape, std::string_view data) {
    return fmt::format(R"({{"inputs":[{{"name":"x","shape":{},"datatype":"{}","data":{}}}]}})", shape, type, data);
}

template <class T>
std::vector<T> read(std::string_view type, std::size_t count, std::string_view data) {
    return elements<T>(accepted(input(type, fmt::format("[{}]", count), data)).inputs[0].bytes);
}

} // namespace

TEST_CASE("numbers become elements of the input's type") {
    CHECK(read<float>("FP32", 4, "[1, -2.5, 1e3, 18446744073709551615]") ==
          std::vector<float>{1, -2.5, 1000, 18446744073709551615.f});
    CHECK(read<double>("FP64", 2, "[0.1, 5]") == std::vector<double>{0.1, 5});
    CHECK(read<std::int64_t>("INT64", 3, "[9223372036854775807, -9223372036854775808, 1e2]") ==
          std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(),
                                    100});
    CHECK(read<std::int32_t>("INT32", 2, "[-2147483648, 2147483647]") ==
          std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::min(), 2147483647});
    CHECK(read<std::int16_t>("INT16", 2, "[-32768, 32767.0]") == std::vector<std::int16_t>{-32768, 32767});
    CHECK(read<std::int8_t>("INT8", 2, "[-128, 127]") == std::vector<std::int8_t>{-128, 127});
    CHECK(read<std::uint8_t>("UINT8", 2, "[0, 255]") == std::vector<std::uint8_t>{0, 255});
    CHECK(read<std::uint8_t>("BOOL", 4, "[true, false, 1, 0]") == std::vector<std::uint8_t>{1, 0, 1, 0});
}

TEST_CASE("data may be nested, flat or empty, and its members may come in any order") {
    const auto nested = accepted(R"({"inputs":[{"data":[[1,2],[3,4]],"datatype":"FP32","shape":[2,2],"name":"x"}]})");
    CHECK(elements<float>(nested.inputs[0].bytes) == std::vector<float>{1, 2, 3, 4});
    CHECK(nested.inputs[0].shape == values::Shape{2, 2});
    CHECK(accepted(input("FP32", "[0,2]", "[]")).inputs[0].bytes.empty());
    const auto mixed = accepted(
        R"({"inputs":[{"name":"a","datatype":"INT8","shape":[1],"data":[7]},{"data":[8.5],"name":"b","shape":[1],"datatype":"FP64"}]})");
    CHECK(mixed.inputs[0].bytes == "\x07");
    CHECK(elements<double>(mixed.inputs[1].bytes) == std::vector<double>{8.5});
}

TEST_CASE("data elsewhere than in an input is nobody's") {
    const auto request = accepted(R"({"extra":[{"data":[1,"a"]}],"outputs":[{"name":"y","data":[[2]]}],
                                      "inputs":[{"name":"x","datatype":"INT8","shape":[1],"parameters":{"data":[3]},"data":[4]}]})");
    CHECK(request.inputs[0].bytes == "\x04");
}

TEST_CASE("strings become BYTES") {
    const auto request = accepted(input("BYTES", "[3]", R"(["ab","","ü\n"])"));
    const auto parts = split_elements(request.inputs[0].bytes, 3);
    REQUIRE(parts.has_value());
    CHECK(*parts == std::vector<std::string_view>{"ab", "", "ü\n"});
}

TEST_CASE("an element that does not fit its type is refused") {
    for (const auto& [type, data] : {std::pair{"UINT8", "[256]"},
                                     {"UINT8", "[-1]"},
                                     {"INT8", "[128]"},
                                     {"INT16", "[1.5]"},
                                     {"INT32", "[2147483648]"},
                                     {"INT64", "[9223372036854775808]"},
                                     {"INT64", "[9223372036854775808.0]"},
                                     {"FP32", "[1e39]"},
                                     {"FP64", "[1e400]"},
                                     {"BOOL", "[2]"},
                                     {"FP32", "[\"1\"]"},
                                     {"FP32", "[null]"},
                                     {"FP32", "[{}]"},
                                     {"FP32", "[true]"},
                                     {"BYTES", "[1]"},
                                     {"BYTES", "[true]"}})
        CHECK_MESSAGE(refuses(input(type, "[1]", data), "\"data\" of input 0 holds"), type << data);
    CHECK(refuses(input("FP16", "[1]", "[1]"), "binary"));
    CHECK(refuses(input("BF16", "[1]", "[1]"), "binary"));
    CHECK(refuses(input("FP32", "[1]", "[[[[[[[[[[1]]]]]]]]]]"), "dimensions"));
    for (const auto* text : {"[NaN]", "[Infinity]", "[1,]", "[1", "[01]", "[-]"}) refused(input("FP32", "[1]", text));
}

TEST_CASE("a request of a sequence is refused, for no state is kept") {
    const auto with = [](const std::string& parameters) {
        return R"({"parameters":{)" + parameters +
               R"(},"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]})";
    };
    for (const auto* sequence :
         {R"("sequence_id":7)", R"("sequence_id":"a")", R"("sequence_id":7,"sequence_start":true,"sequence_end":false)",
          R"("sequence_start":true)", R"("sequence_end":true)", R"("sequence_id":[1])"})
        CHECK_MESSAGE(refuses(with(sequence), "state"), sequence);
    accepted(
        with(R"("sequence_id":0,"sequence_start":false,"sequence_end":false)")); // as clients write that there is none
    accepted(with(R"("sequence_id":"")"));
    CHECK(refuses(with(R"("sequence_id":7,"sequence_start":1)"), "sequence_start"));
}

TEST_CASE("a malformed request is refused with what is wrong") {
    CHECK(refuses("", "JSON"));
    CHECK(refuses("[]", "object"));
    CHECK(refuses("{}", "inputs"));
    CHECK(refuses(R"({"inputs":[]})", "inputs"));
    CHECK(refuses(R"({"inputs":{"x":1}})", "inputs"));
    CHECK(refuses(R"({"inputs":[1]})", "object"));
    CHECK(refuses(R"({"inputs":[[{"data":[1]}]]})", "object"));
    CHECK(refuses(R"({"inputs":[{"datatype":"FP32","shape":[1],"data":[1]}]})", "name"));
    CHECK(refuses(R"({"inputs":[{"name":"x","shape":[1],"data":[1]}]})", "datatype"));
    CHECK(refuses(R"({"inputs":[{"name":"x","datatype":"FLOAT","shape":[1],"data":[1]}]})", "datatype"));
    CHECK(refuses(R"({"inputs":[{"name":"x","datatype":"FP32","data":[1]}]})", "shape"));
    CHECK(refuses(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1]}]})", "data"));
    CHECK(refuses(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":1}]})", "data"));
    for (const auto* shape : {"[-1]", "[1.5]", "\"1\"", "[[1]]", "[1,1,1,1,1,1,1,1,1,1]"})
        CHECK(refuses(input("FP32", shape, "[1]"), "shape"));
    CHECK(refuses(input("FP32", "[1099511627776,1099511627776]", "[1]"), "too many"));
    CHECK(refuses(input("FP32", "[3]", "[1,2]"), "2 elements"));
    CHECK(refuses(
        R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]},{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]})",
        "twice"));
    CHECK(refuses(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1],"data":[2]}]})", "twice"));
    CHECK(refuses(
        R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}],"outputs":[{"name":"y"},{"name":"y"}]})",
        "\"y\" is there twice"));
    CHECK(refuses(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}],"inputs":[]})", "twice"));
    CHECK(refuses(input("FP32", "[1]", "[1]") + "{}", "follows"));
    CHECK(refuses(R"({"parameters":)" + std::string(100, '[') + std::string(100, ']') + "}", "JSON"));
}

TEST_CASE("parameters are read, and those that are not known are left alone") {
    const auto request = accepted(
        R"({"id":"a\"b","model_name":"?","parameters":{"priority":2,"timeout":1500,"binary_data_output":true,"mine":[1]},
            "inputs":[{"name":"x","datatype":"FP32","shape":[2,1],"parameters":{"binary_data_size":8}}],
            "outputs":[{"name":"y"},{"name":"z","parameters":{"classification":3,"binary_data":false}}]})");
    CHECK(request.id == "a\"b");
    CHECK(request.priority == 8);
    CHECK(request.timeout == std::chrono::microseconds{1500});
    CHECK(request.inputs[0].binary_size == 8u);
    CHECK(request.outputs[0].binary);
    CHECK(request.outputs[0].classes == 0);
    CHECK_FALSE(request.outputs[1].binary);
    CHECK(request.outputs[1].classes == 3);
}

TEST_CASE("the highest priority there is 1, and 0 is the default") {
    const auto priority = [](std::string_view theirs) {
        return accepted(
                   fmt::format(
                       R"({{"parameters":{{"priority":{}}},"inputs":[{{"name":"x","datatype":"FP32","shape":[1],"data":[1]}}]}})",
                       theirs))
            .priority;
    };
    CHECK(priority("0") == values::default_priority);
    CHECK(priority("1") == 9);
    CHECK(priority("9") == 1);
    CHECK(priority("10") == 0);
    CHECK(priority("9223372036854775807") == 0);
}

TEST_CASE("wrong parameters are refused") {
    const auto with = [](std::string_view parameters) {
        return fmt::format(R"({{"parameters":{},"inputs":[{{"name":"x","datatype":"FP32","shape":[1],"data":[1]}}]}})",
                           parameters);
    };
    for (const auto* parameters :
         {"1", R"({"priority":-1})", R"({"priority":"1"})", R"({"timeout":-1})", R"({"binary_data_output":1})"})
        refused(with(parameters));
    const auto tensor = [](std::string_view parameters, std::string_view rest = "") {
        return fmt::format(R"({{"inputs":[{{"name":"x","datatype":"FP32","shape":[2],"parameters":{}{}}}]}})",
                           parameters, rest);
    };
    for (const auto* parameters :
         {R"({"binary_data_size":-1})", R"({"binary_data_size":"8"})", R"({"binary_data_size":9999999999999999})"})
        refused(tensor(parameters));
    CHECK(refuses(tensor(R"({"binary_data_size":7})"), "8"));
    CHECK(refuses(tensor(R"({"binary_data_size":8})", R"(,"data":[1,2])"), "one of them"));
    CHECK(refuses(tensor(R"({"shared_memory_region":"r","shared_memory_byte_size":8})"), "shared memory"));
}

TEST_CASE("the JSON ends where the header field says, within the body") {
    CHECK_FALSE(header_length("", 10).value().has_value());
    CHECK(header_length("10", 10).value() == 10u);
    CHECK(header_length("10", std::nullopt).value() == 10u);
    for (const auto* field : {"-1", "0", "11", "1x", " 1", "18446744073709551616"})
        CHECK(header_length(field, 10).error().code == Code::invalid_argument);
}

TEST_CASE("BYTES whose lengths and size disagree are refused") {
    std::string bytes;
    append_element(bytes, "abc");
    append_element(bytes, "");
    CHECK(split_elements(bytes, 2).value() == std::vector<std::string_view>{"abc", ""});
    CHECK(split_elements("", 0).value().empty());
    CHECK_FALSE(split_elements(bytes, 1).has_value());
    for (const std::size_t n : {1u, 3u, 4u, 6u, 10u})
        CHECK_FALSE(split_elements(std::string_view{bytes}.substr(0, n), 9).has_value());
    CHECK_FALSE(split_elements(std::string_view{"\xff\xff\xff\xff", 4}, 9).has_value());
}

TEST_CASE("whatever is changed in a request, it is read or refused") {
    const std::string good =
        R"({"id":"a","parameters":{"priority":1,"timeout":5},"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2.5],[-3e2,4]]},)"
        R"({"data":["a","\u00fc"],"name":"y","shape":[2],"datatype":"BYTES"},{"name":"z","shape":[1],"datatype":"INT8","parameters":{"binary_data_size":1}}],)"
        R"("outputs":[{"name":"o","parameters":{"classification":2,"binary_data":true}}]})";
    REQUIRE(parse_infer(good).has_value());
    const std::string_view pieces[] = {"[",
                                       "]",
                                       "{",
                                       "}",
                                       ",",
                                       ":",
                                       "\"",
                                       "0",
                                       "-",
                                       "1e999",
                                       "null",
                                       "true",
                                       "\"data\":[1]",
                                       "\"inputs\":[{",
                                       "\\u",
                                       "\xff",
                                       std::string_view{"\0", 1}};
    std::uint32_t random = 1;
    const auto next = [&random](std::size_t below) {
        random = random * 1664525 + 1013904223;
        return (random >> 8) % below;
    };
    for (int i = 0; i < 5000; ++i) {
        auto text = good;
        for (std::size_t changes = 1 + next(4); changes > 0 && !text.empty(); --changes) {
            const auto at = next(text.size());
            if (next(2) == 0) text.erase(at, 1 + next(12));
            else text.insert(at, pieces[next(std::size(pieces))]);
        }
        const auto request = parse_infer(text);
        if (!request) CHECK(request.error().code == Code::invalid_argument);
        else
            for (const auto& input : request->inputs)
                if (!input.binary_size && !input.type.bytes)
                    CHECK(input.bytes.size() ==
                          *values::element_count(input.shape) * values::element_size(input.type.datatype));
    }
}
