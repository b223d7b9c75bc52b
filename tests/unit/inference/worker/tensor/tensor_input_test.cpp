#include "inference/worker/input/json_input.hpp"
#include "inference/worker/input/preprocess.hpp"
#include "inference/worker/tensor/tensor_value.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

using namespace millrace;
using namespace millrace::inference::worker;
using values::Datatype;

namespace {

std::string npy(const std::string& header, const std::string& data, char major = 1) {
    std::string out = "\x93NUMPY";
    out += major;
    out += '\0';
    const auto length = static_cast<std::uint32_t>(header.size());
    out.append(reinterpret_cast<const char*>(&length), major == 1 ? 2 : 4);
    return out + header + data;
}

template <class T>
std::string raw(std::initializer_list<T> values) {
    return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

std::string dict(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }          \n";
}

std::vector<float> floats(const TensorValue& value) {
    std::vector<float> out(value.bytes.size() / sizeof(float));
    std::memcpy(out.data(), value.bytes.data(), value.bytes.size());
    return out;
}

const values::TensorSpec two_by_any{"x", Datatype::fp32, {2, -1}};

DecodedInput parse_json(std::string_view text, const values::TensorSpec& spec) {
    values::Manifest manifest;
    manifest.inputs.emplace_back().tensor = spec;
    return parse_json_input(text, manifest);
}

} // namespace

TEST_CASE("numbers become half precision, rounded to the nearest, and what is beyond it is refused") {
    const auto bits = [](const TensorValue& value) {
        std::vector<std::uint16_t> out(value.bytes.size() / 2);
        std::memcpy(out.data(), value.bytes.data(), value.bytes.size());
        return out;
    };
    const values::TensorSpec half{"x", Datatype::fp16, {-1}}, brain{"x", Datatype::bf16, {-1}};
    using Bits = std::vector<std::uint16_t>;
    CHECK(bits(json_tensor(*parse_json("[1,-2,0.1,65504,2049]"), half).value) ==
          Bits{0x3c00, 0xc000, 0x2e66, 0x7bff, 0x6800});
    CHECK(bits(json_tensor(*parse_json("[1,-2,0.1,1e38]"), brain).value) == Bits{0x3f80, 0xc000, 0x3dcd, 0x7e96});
    CHECK_THROWS_AS(json_tensor(*parse_json("[65520]"), half), InputError);
    CHECK_THROWS_AS(json_tensor(*parse_json("[1e39]"), brain), InputError);
    const auto same = parse_npy(npy(dict("<f2", "(2,)"), raw<std::uint16_t>({0x3555, 0x0001})), half);
    CHECK(bits(same.value) == Bits{0x3555, 0x0001});
    CHECK(bits(parse_npy(npy(dict("<f4", "(2,)"), raw<float>({0.1F, 3})), half).value) == Bits{0x2e66, 0x4200});
    CHECK(bits(parse_npy(npy(dict("<i8", "(1,)"), raw<std::int64_t>({3})), brain).value) == Bits{0x4040});
    CHECK(
        bits(parse_npy(npy(dict("<f8", "(1,)"), raw<double>({std::numeric_limits<double>::infinity()})), half).value) ==
        Bits{0x7c00});
    CHECK_THROWS_AS(parse_npy(npy(dict("<f4", "(1,)"), raw<float>({1e5F})), half), InputError);
}

TEST_CASE("npy arrays of every supported type become what the model takes") {
    const auto expect = [](const std::string& bytes) {
        const auto value = parse_npy(bytes, two_by_any).value;
        CHECK(value.shape == values::Shape{2, 2});
        CHECK(floats(value) == std::vector<float>{1, 2, 3, 4});
    };
    expect(npy(dict("<f4", "(2, 2)"), raw<float>({1, 2, 3, 4})));
    expect(npy(dict("<f8", "(2, 2)"), raw<double>({1, 2, 3, 4}), 2));
    expect(npy(dict("|u1", "(2, 2)"), raw<std::uint8_t>({1, 2, 3, 4})));
    expect(npy(dict("<i2", "(2, 2)"), raw<std::int16_t>({1, 2, 3, 4})));
    expect(npy(dict("<u4", "(2, 2)"), raw<std::uint32_t>({1, 2, 3, 4})));
    expect(npy(dict("<i8", "(1, 2, 2)"), raw<std::int64_t>({1, 2, 3, 4}))); // the batch of one is taken off
}

TEST_CASE("half precision is widened exactly") {
    // numpy.array([1.5, -2, 65504, 6e-8, inf, 0.1], "<f2") as float32
    const auto bytes = npy(dict("<f2", "(6,)"), std::string{"\x00>\x00\xc0\xff{\x01\x00\x00|f.", 12});
    const auto value = parse_npy(bytes, {"x", Datatype::fp32, {6}}).value;
    CHECK(floats(value) == std::vector<float>{1.5F, -2, 65504, 5.960464477539063e-08F, INFINITY, 0.0999755859375F});
}

TEST_CASE("a dimension more than the model takes brings as many rows") {
    const auto two = parse_npy(npy(dict("<f4", "(2, 2, 1)"), raw<float>({1, 2, 3, 4})), two_by_any);
    CHECK(two.rows == 2);
    CHECK(two.value.shape == values::Shape{2, 1});
    CHECK(floats(two.value) == std::vector<float>{1, 2, 3, 4});
    CHECK(parse_json("[[[1],[2]],[[3],[4]],[[5],[6]]]", two_by_any).rows == 3);
    CHECK_THROWS_AS(parse_npy(npy(dict("<f4", "(0, 2, 1)"), ""), two_by_any), InputError);
    CHECK_THROWS_AS(parse_npy(npy(dict("|u1", "(1025, 2, 1)"), std::string(2050, 'x')), two_by_any), InputError);
}

TEST_CASE("npy files that are broken or hostile are refused") {
    const auto data = raw<float>({1, 2, 3, 4});
    const std::string cases[] = {
        "",
        "\x93NUMPY",
        std::string{"\x93NUMPY\x01\x00\xff\xff", 10},
        npy(dict("<f4", "(2, 2)"), data).substr(0, 40),
        npy(dict("<f4", "(2, 2)"), data.substr(1)),
        npy(dict("<f4", "(2, 2)"), data + "x"),
        npy(dict("<f4", "(2, 2)"), data, 3),
        npy(dict("<f4", "(2, 2)", "True"), data),
        npy(dict(">f4", "(2, 2)"), data),
        npy(dict("|O", "(2, 2)"), data),
        npy(dict("<f2", "(2, 2)"), data),
        npy(dict("<f16", "(2, 2)"), data + data + data + data),
        npy(dict("<f4", "(3, 2)"), data),
        npy(dict("<f4", "(2, 0)"), ""),
        npy(dict("<f4", "(2, -2)"), data),
        npy(dict("<f4", "()"), raw<float>({1})),
        npy(dict("<f4", "(9223372036854775807, 9223372036854775807)"), data),
        npy(dict("<f4", "(99999999999999999999, 2)"), data),
        npy(dict("<f4", "(1, 1, 1, 1, 1, 1, 1, 2, 2)"), data),
        npy("{'descr': '<f4', 'fortran_order': False}", data),
        npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}", data),
        npy("__import__('os')", data),
        npy(std::string(5000, ' '), data),
        npy(dict("|b1", "(2, 2)"), raw<std::uint8_t>({0, 1, 2, 1})),
    };
    for (const auto& bytes : cases) {
        INFO(bytes.substr(0, 80));
        CHECK_THROWS_AS(parse_npy(bytes, two_by_any), InputError);
    }
    // What does not fit the model's type is refused, not wrapped around.
    const values::TensorSpec small{"x", Datatype::int8, {2}};
    CHECK_THROWS_AS(parse_npy(npy(dict("<i8", "(2,)"), raw<std::int64_t>({1, 300})), small), InputError);
    CHECK_THROWS_AS(parse_npy(npy(dict("<f4", "(2,)"), raw<float>({1, std::nanf("")})), small), InputError);
    CHECK_THROWS_AS(parse_npy(npy(dict("<f4", "(2,)"), raw<float>({1, 0.5F})), small), InputError);
    CHECK_NOTHROW(parse_npy(npy(dict("<i8", "(2,)"), raw<std::int64_t>({1, -128})), small));
}

TEST_CASE("every truncation of an npy file is refused") {
    const auto good = npy(dict("<f4", "(2, 2)"), raw<float>({1, 2, 3, 4}));
    CHECK_NOTHROW(parse_npy(good, two_by_any));
    for (std::size_t n = 0; n < good.size(); ++n)
        CHECK_THROWS_AS(parse_npy(std::string_view{good}.substr(0, n), two_by_any), InputError);
}

TEST_CASE("JSON tensors may be nested, flat with a shape, or as the inference protocol has them") {
    for (const auto* text : {"[[1,2],[3,4]]", R"({"data":[[1,2],[3,4]]})", R"({"data":[1,2,3,4],"shape":[2,2]})",
                             R"({"data":[1,2,3,4],"shape":[1,2,2],"datatype":"FP32"})",
                             R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]})"}) {
        INFO(std::string{text});
        const auto input = parse_json(text, two_by_any);
        const auto& value = input.tensors.at(0);
        CHECK(input.rows == 1);
        CHECK(value.shape == values::Shape{2, 2});
        CHECK(floats(value) == std::vector<float>{1, 2, 3, 4});
    }
}

TEST_CASE("JSON tensors that do not fit are refused") {
    for (const auto* text : {"",
                             "1",
                             "{}",
                             "[]",
                             "[[1,2],[3]]",
                             "[[],[]]",
                             "[[[1,2]],[[3,4]],1]",
                             "[[1,2],3]",
                             "[1,[2]]",
                             R"([["a","b"],["c","d"]])",
                             "[[1,null],[2,3]]",
                             "[[1,2]]",
                             "[[1,2],[3,4],[5,6]]",
                             R"({"data":[1,2,3],"shape":[2,2]})",
                             R"({"data":[1,2,3,4],"shape":[-2,-2]})",
                             R"({"data":[1,2,3,4],"shape":[2,9223372036854775807]})",
                             R"({"data":[[1,2],[3,4]],"datatype":"INT8"})",
                             R"({"inputs":[]})",
                             R"({"inputs":[{"name":"y","data":[[1,2],[3,4]]}]})",
                             "[[[[[[[[[[1]]]]]]]]]]",
                             "[[1e999,1],[1,1]]",
                             "[[1,2],[3,4]] x"}) {
        INFO(std::string{text});
        CHECK_THROWS_AS(parse_json(text, two_by_any), InputError);
    }
    const values::TensorSpec whole{"x", Datatype::int32, {1}};
    CHECK_THROWS_AS(parse_json("[1.5]", whole), InputError);
    CHECK_THROWS_AS(parse_json("[3000000000]", whole), InputError);
    CHECK_NOTHROW(parse_json("[3.0]", whole));
}

TEST_CASE("an input must be of the kind, the size and the type that it claims") {
    const auto tensor = *values::Manifest::parse(
        R"({"format":1,"name":"t","task":"tensor","input":{"kind":"tensor","shape":[2]},"output":{"shape":[2]},"limits":{"max_input_bytes":64}})");
    CHECK_NOTHROW(preprocess("[1,2]", "", tensor));
    CHECK_NOTHROW(preprocess("[1,2]", "application/json", tensor));
    CHECK_THROWS_AS(preprocess("", "", tensor), InputError);
    CHECK_THROWS_AS(preprocess("[1,2]" + std::string(64, ' '), "", tensor), InputError);
    CHECK_THROWS_AS(preprocess("[1,2]", "image/png", tensor), InputError);
    CHECK_THROWS_AS(preprocess("\x89PNG\r\n\x1a\n", "image/png", tensor), InputError);
    CHECK_THROWS_AS(preprocess("hello", "text/plain", tensor), InputError);
}
