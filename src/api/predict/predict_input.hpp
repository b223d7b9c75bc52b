// The input of a synchronous prediction: the request's body as it is, or the one part of a form.
#pragma once
#include "http/request.hpp"
#include "inference/prediction.hpp"

namespace millrace::api {

// too_large above `max_bytes`; unprocessable for a form without a part or with several.
awaitable<Result<inference::Input>> read_predict_input(http::Request& request, std::uint64_t max_bytes);

} // namespace millrace::api
