// The Idempotency-Key of a request. On an io thread; nothing is kept.
#pragma once
#include "async/thread_pool.hpp"
#include "http/request.hpp"
#include "jobs/job_service.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::api {

// nullopt when the request has none; invalid_argument for one that cannot be. `payload` is what the key is bound to.
Result<std::optional<jobs::IdempotentRequest>> idempotency(const http::Request& request, std::string_view payload);
// The same for a body of many megabytes, which is digested on the pool; its text is shared with the pool's thread.
awaitable<Result<std::optional<jobs::IdempotentRequest>>> idempotency(async::ThreadPool& pool,
                                                                      const http::Request& request,
                                                                      std::shared_ptr<const std::string> body);

// The key is bare, as most send it, or a quoted string, as the draft has it; nullopt unless it has 1 to 255 characters.
std::optional<std::string_view> idempotency_key(std::string_view header);

} // namespace millrace::api
