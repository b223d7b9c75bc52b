// The answer to an inference request: which tensors, in which form. Pure.
#pragma once
#include "api/protocol/protocol_request.hpp"
#include "http/response.hpp"
#include "inference/prediction.hpp"
#include "values/manifest.hpp"

namespace millrace::api::protocol {

struct InferAnswer {
    std::string model, version; // those that answered
    std::vector<inference::Tensor> outputs;
    int batch_size = 0;
    double queue_ms = 0, infer_ms = 0;
};

// Joins the predictions of one request's items along the batch; at least one. internal when their outputs do not fit
// together.
Result<InferAnswer> join(std::vector<inference::Prediction> predictions, const inference::ModelVersion& asked);

// JSON, or JSON and behind it the binary tensors, as the request asks. A value that JSON has no form for (NaN,
// infinity) is null there. `manifest` is that of the model that was asked: its labels name the classes of its first
// output.
Result<http::Response> render_infer(const InferRequest& request, const values::Manifest& manifest, InferAnswer answer);

} // namespace millrace::api::protocol
