#include "models/statistics/agreement.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace millrace;
using namespace millrace::models;

namespace {

inference::Prediction says(const char* result) {
    inference::Prediction prediction;
    prediction.result = json::parse(result).as_object();
    return prediction;
}

inference::Prediction gives(std::vector<float> numbers) {
    inference::Prediction prediction;
    inference::Tensor tensor;
    tensor.shape = {1, static_cast<std::int64_t>(numbers.size())};
    tensor.bytes.resize(numbers.size() * sizeof(float));
    std::memcpy(tensor.bytes.data(), numbers.data(), tensor.bytes.size());
    prediction.tensors.push_back(std::move(tensor));
    return prediction;
}

std::optional<bool> same(const inference::Prediction& a, const inference::Prediction& b) {
    return agree(*remember(a), b);
}

} // namespace

TEST_CASE("two versions agree when they give the same label") {
    CHECK(same(says(R"({"label":"7","confidence":0.9})"), says(R"({"label":"7","confidence":0.6})")) == true);
    CHECK(same(says(R"({"label":"7"})"), says(R"({"label":"1"})")) == false);
}

TEST_CASE("maps agree when most of their pixels have the same label") {
    const char* water = R"({"shares":[{"label":"forest","share":0.2},{"label":"water","share":0.8}]})";
    const char* more_water = R"({"shares":[{"label":"forest","share":0.4},{"label":"water","share":0.6}]})";
    const char* forest = R"({"shares":[{"label":"forest","share":0.7},{"label":"water","share":0.3}]})";
    CHECK(same(says(water), says(more_water)) == true);
    CHECK(same(says(water), says(forest)) == false);
}

TEST_CASE("tensors agree within a hundredth of the largest number") {
    CHECK(same(says(R"({"outputs":[{"data":[1.0,-2.0,0.001]}]})"), says(R"({"outputs":[{"data":[1.01,-2.0,0.0]}]})")) ==
          true);
    CHECK(same(says(R"({"outputs":[{"data":[1.0,-2.0]}]})"), says(R"({"outputs":[{"data":[1.1,-2.0]}]})")) == false);
    CHECK(same(says(R"({"outputs":[{"data":[1.0]}]})"), says(R"({"outputs":[{"data":[1.0,2.0]}]})")) == false);
    CHECK(same(says(R"({"outputs":[{"data":[null]}]})"), says(R"({"outputs":[{"data":[1.0]}]})")) == false);
    CHECK(same(gives({1, 2, 3}), gives({1, 2.01F, 3})) == true);
    CHECK(same(gives({1, 2, 3}), gives({1, 2.5F, 3})) == false);
    CHECK(same(gives({1, 2, 3}), gives({1, 2})) == false);
    CHECK(same(gives({1, NAN}), gives({1, 2})) == false);
    CHECK(same(gives({0, 0}), gives({0, 0})) == true);
}

TEST_CASE("answers of several labels agree when the labels are the same, values within a hundredth each") {
    const char* both = R"({"labels":[{"label":"cat","confidence":0.9},{"label":"dog","confidence":0.6}]})";
    CHECK(same(says(both), says(R"({"labels":[{"label":"dog","confidence":0.8},{"label":"cat","confidence":0.7}]})")) ==
          true);
    CHECK(same(says(both), says(R"({"labels":[{"label":"cat","confidence":0.9}]})")) == false);
    CHECK(same(says(R"({"values":{"price":1000,"days":2}})"), says(R"({"values":{"price":1001,"days":2.01}})")) ==
          true);
    CHECK(same(says(R"({"values":{"price":1000,"days":2}})"), says(R"({"values":{"price":1000,"days":3}})")) == false);
}

TEST_CASE("a label and a map cannot be compared") {
    CHECK_FALSE(same(says(R"({"label":"7"})"), says(R"({"outputs":[{"data":[1]}]})")).has_value());
}

TEST_CASE("what is too large is not kept for a comparison") {
    CHECK_FALSE(remember(gives(std::vector<float>(1 << 20))).has_value());
}
