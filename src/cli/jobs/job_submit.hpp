// What `job submit` takes, apart from its parsing and sending, so that the request can be looked at. Pure but for
// reading the payload's file.
#pragma once
#include "base/json.hpp"

#include <string>
#include <vector>

namespace millrace::cli {

struct SubmitOptions {
    std::string kind, payload, model, queue, idempotency_key;
    std::string run_at, expires_at, deadline_at, retry, unique_key;
    std::vector<std::string> files, tags, depends_on, unique_states;
    int priority = -1, max_attempts = 0;
    double timeout_seconds = 0, unique_period = 0;
    double wait = -1; // seconds; negative: do not wait
};

struct FilePart {
    std::string name, path;
};

// The JSON of the request. Throws Failure{usage}, saying which option is wrong.
json::object job_of(const SubmitOptions& options);
std::vector<FilePart> parts_of(const SubmitOptions& options);

} // namespace millrace::cli
