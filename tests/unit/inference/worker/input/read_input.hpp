// Inputs read by the manifest of a test, as a worker reads them.
#pragma once
#include "inference/worker/input/preprocess.hpp"
#include "inference/worker/loading/side_files.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

namespace millrace::inference::worker::test {

inline values::Manifest manifest(const std::string& inputs) {
    auto m = values::Manifest::parse(R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"inputs":[)" +
                                     inputs + "]}");
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    REQUIRE(complete(*m, *SideFiles::open({}, {})).has_value());
    return *m;
}

template <class T>
std::vector<T> numbers(const TensorValue& value) {
    std::vector<T> out(value.bytes.size() / sizeof(T));
    std::memcpy(out.data(), value.bytes.data(), value.bytes.size());
    return out;
}

inline std::string failure(const std::string& bytes, const std::string& type, const values::Manifest& m) {
    try {
        (void)preprocess(bytes, type, m);
        return "taken";
    } catch (const InputError& e) { return e.what(); }
}

// Two numbers and a category.
inline const std::string row =
    R"({"name":"r","kind":"row","shape":[4],"columns":[{"name":"age","mean":40,"std":2,"missing":40},{"name":"size"},{"name":"color","categories":["red","blue"]}]})";

} // namespace millrace::inference::worker::test
