#include "values/npy.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace millrace::values;

TEST_CASE("a tensor is written as numpy.save writes it") {
    const std::string start{"\x93NUMPY\x01\x00v\x00", 10};
    const auto file = [&](std::string header, const std::string& data) {
        header.resize(117, ' ');
        return start + header + "\n" + data;
    };
    const std::string six(24, 'x');
    CHECK(write_npy(Datatype::fp32, Shape{2, 3}, six) ==
          file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", six));
    CHECK(write_npy(Datatype::boolean, Shape{2}, std::string{"\x01\x00", 2}) ==
          file("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", std::string{"\x01\x00", 2}));
    CHECK(write_npy(Datatype::int64, Shape{}, six.substr(0, 8)) ==
          file("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", six.substr(0, 8)));
    CHECK(write_npy(Datatype::uint8, Shape{0, 4}, "").find("'|u1'") != std::string::npos);
}

TEST_CASE("what NumPy has no type for is widened, and the data stays aligned") {
    const auto file = write_npy(Datatype::bf16, Shape{2}, std::string{"\x80\x3f\x00\xc0", 4}); // 1 and -2
    CHECK(file.find("'<f4'") != std::string::npos);
    CHECK(file.substr(file.size() - 8) == std::string{"\x00\x00\x80\x3f\x00\x00\x00\xc0", 8});
    const auto long_shape = write_npy(Datatype::fp32, Shape{16777216, 1, 1, 1, 16777216, 1, 16777216, 1}, "");
    CHECK(long_shape.size() % 64 == 0);
    CHECK(long_shape.back() == '\n');
}
