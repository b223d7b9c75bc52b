// A prediction as one string, for the cache, and back. Pure.
#pragma once
#include "inference/prediction.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace millrace::models {

// Its result, files and tensors; the times are its own and are left out.
std::string write_prediction(const inference::Prediction& prediction);
std::optional<inference::Prediction> read_prediction(std::string_view text); // nullopt for what is none

} // namespace millrace::models
