// The Idempotency-Key of a request. Pure.
#pragma once
#include "http/request.hpp"
#include "jobs/job_service.hpp"

#include <optional>
#include <string_view>

namespace millrace::api {

// nullopt when the request has none; invalid_argument for one that cannot be. `payload` is what the key is bound to.
Result<std::optional<jobs::IdempotentRequest>> idempotency(const http::Request& request, std::string_view payload);

// The key is bare, as most send it, or a quoted string, as the draft has it; nullopt unless it has 1 to 255 characters.
std::optional<std::string_view> idempotency_key(std::string_view header);

} // namespace millrace::api
