// Several predictions at once, so that they meet in a batch.
#pragma once
#include "async/awaitable.hpp"
#include "models/serving.hpp"

#include <vector>

namespace millrace::api {

// In the order of the calls.
awaitable<std::vector<inference::Outcome>> predict_all(models::Serving& serving, std::vector<models::Call> calls);

} // namespace millrace::api
