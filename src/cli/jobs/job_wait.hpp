// Waiting for the end of a job, with a bar that shows how far it is.
#pragma once
#include "base/clock.hpp"
#include "cli/client.hpp"

#include <string>

namespace millrace::cli {

// Asks until the job has ended or `seconds` since `begun` are over (then Failure), with the progress and the estimate
// on standard error. A restart of the daemon is waited out.
json::value wait_for(Context& context, const Client& client, const std::string& id, Monotonic begun, double seconds);

// Prints the result; exit 0 for a job that succeeded, else Failure with why.
int end_of(Context& context, const json::value& job);

// "running, about 12 s left", of the answers of /api/v1/jobs/{id} and /api/v1/results/{id}.
std::string outlook_text(const json::value& job, const json::value& result, Timestamp now);

} // namespace millrace::cli
