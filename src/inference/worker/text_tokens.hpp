// From a text to the numbers of its tokens, by the rule of an input of kind text. Pure; InputError for what is no UTF-8.
#pragma once
#include "inference/worker/tensor_value.hpp"
#include "model/manifest.hpp"

#include <string_view>
#include <vector>

namespace millrace::inference::worker {

// Cut to the rule's length between its begin and end, and padded to it.
std::vector<std::int64_t> tokenize(std::string_view text, const model::TextRule& rule);

TensorValue text_tensor(std::string_view text, const model::InputSpec& input);

} // namespace millrace::inference::worker
