// Queues as the API shows them. Pure.
#pragma once
#include "base/json.hpp"
#include "jobs/queues.hpp"

#include <optional>
#include <string>

namespace millrace::api {

json::object write_queue(const jobs::QueueView& queue);
json::object write_breaker(const values::BreakerView& breaker);
json::object write_ended(const jobs::QueueCounts& counts); // one count a final state

struct PauseRequest {
    std::string reason;
    std::optional<Timestamp> until;
};
// {"reason","until"?}: a pause says why, or nobody knows later.
Result<PauseRequest> read_pause(const json::object& object);

} // namespace millrace::api
