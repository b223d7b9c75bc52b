// From a text to the numbers of its tokens, by the rule of an input of kind text. Pure; InputError for what is no UTF-8.
#pragma once
#include "inference/worker/tensor_value.hpp"
#include "model/manifest.hpp"

#include <string_view>
#include <vector>

namespace millrace::inference::worker {

// Cut to the rule's length between its begin and end, and padded to it unless that is open; then it has one token at least.
std::vector<std::int64_t> tokenize(std::string_view text, const model::TextRule& rule);

TensorValue text_tensor(std::string_view text, const model::InputSpec& input);

// The same of tokens that came as numbers: an array of them. InputError for what cannot be a token, and for too many.
TensorValue numbered_tensor(const json::value& tokens, const model::InputSpec& input);

} // namespace millrace::inference::worker
