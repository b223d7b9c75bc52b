// What external workers say and are told. Pure.
#pragma once
#include "base/json.hpp"
#include "jobs/leases.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace millrace::api {

// {"worker","max":1-1000,"wait_seconds":0-60,"lease_seconds":1-86400}
Result<jobs::LeaseRequest> read_lease_request(const json::object& object, std::string queue);

// {"data":[{"lease_token","lease_seconds","job":{…}}]}
std::string write_leases(const std::vector<jobs::LeasedJob>& leases);

Result<std::optional<int>> read_heartbeat(const json::object& object); // {"progress_percent"?}
// {"result"?}, parsed with completion_texts kept: the result as JSON text.
inline constexpr std::array completion_texts{KeptMember{"", "result"}};
Result<std::string> read_completion(const json::object& object);

struct FailureReport {
    values::JobError error;
    bool retryable = true;
    std::optional<std::chrono::milliseconds> retry_after;
};
// {"error": "text" or {"code","message"}, "retryable":true, "retry_after_seconds"?}
Result<FailureReport> read_failure(const json::object& object);

} // namespace millrace::api
