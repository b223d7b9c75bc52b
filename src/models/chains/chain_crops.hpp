// What lies between a detector and the model that looks at each of its boxes. Pure.
#pragma once
#include "inference/prediction.hpp"
#include "values/chain.hpp"

#include <cstddef>
#include <vector>

namespace millrace::models {

// The parts of the picture that are looked at, and the object of the detector's answer that each of them is of.
struct Crops {
    std::vector<inference::Region> regions;
    std::vector<std::size_t> objects;
};

// The most certain objects with their margins, as whole pixels: a pixel that a box touches belongs to it. What lies
// beside the picture is left out, and so is a box of which nothing lies within it. unprocessable for an answer about
// several pictures or about none.
Result<Crops> crops_of(const json::object& found, const values::Crop& crop);

// The answers to `rows` crops that were one request, one a crop: without the model's name and the times. internal for
// an answer that has not as many.
Result<std::vector<json::object>> answers_of(const json::object& result, std::size_t rows);

} // namespace millrace::models
