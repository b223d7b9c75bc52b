// From a text to the tensor of an input that is made of it: its token numbers, or what goes with them. The manifest
// must be completed (side_files.hpp). Pure; InputError for what is no UTF-8.
#pragma once
#include "inference/worker/tensor/tensor_value.hpp"
#include "values/manifest.hpp"

#include <optional>
#include <string_view>

namespace millrace::inference::worker {

// Cut to the rule's length, and padded to it unless that is open; then it has one token at least.
TensorValue text_tensor(std::string_view text, std::optional<std::string_view> pair, const values::InputSpec& input);

// The same of tokens that came as numbers: an array of them. InputError for what cannot be a token, and for too many.
TensorValue numbered_tensor(const json::value& tokens, const values::InputSpec& input);

} // namespace millrace::inference::worker
