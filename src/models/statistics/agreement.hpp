// Do two versions say the same of one input? Pure.
#pragma once
#include "inference/prediction.hpp"

#include <optional>

namespace millrace::models {

// As much of an answer as is needed to compare another with it.
struct Said {
    json::object result;
    std::vector<inference::Tensor> tensors;
};

// Of an answer that is not too large to be kept for a while.
std::optional<Said> remember(const inference::Prediction& prediction);

// The same label; of maps the same label for most of the pixels; of tensors numbers within a hundredth of the largest.
// nullopt: they cannot be compared.
std::optional<bool> agree(const Said& answered, const inference::Prediction& shadow);

} // namespace millrace::models
