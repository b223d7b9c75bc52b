// Whether the tensors of a request are those that a model takes, and what the engine gets of them. Pure.
#pragma once
#include "api/protocol/protocol_request.hpp"
#include "inference/prediction.hpp"
#include "values/manifest.hpp"

namespace millrace::api::protocol {

// Names, datatypes, shapes, sizes and rows, before any of the binary elements is read: what they announce fits the
// model. A model of one image, text or row also takes BYTES of shape [N] or [N,1]: N files or texts. invalid_argument.
Result<void> check_inputs(const InferRequest& request, const values::Manifest& manifest);
Result<void> check_outputs(const InferRequest& request, const values::Manifest& manifest);

// Of a request that was checked and whose elements are all there: one input with the tensors in the order of the
// manifest, or one for each element of BYTES. The elements are moved.
Result<std::vector<inference::Input>> make_inputs(InferRequest& request, const values::Manifest& manifest);

} // namespace millrace::api::protocol
