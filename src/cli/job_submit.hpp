// What `job submit` takes, apart from its parsing and sending, so that the request can be looked at. Pure but for
// reading the payload's file.
#pragma once
#include "base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

struct SubmitOptions {
    std::string kind, payload, model, queue, run_at, idempotency_key;
    std::vector<std::string> files, tags;
    int priority = -1, max_attempts = 0;
    double timeout_seconds = 0;
    double wait = -1; // seconds; negative: do not wait
};

struct FilePart {
    std::string name, path;
};

// JSON in place, in @FILE or, as -, on standard input. Throws Failure{usage}, naming the option.
json::value json_argument(const std::string& argument, std::string_view option);

// The JSON of the request. Throws Failure{usage}, saying which option is wrong.
json::object job_of(const SubmitOptions& options);
std::vector<FilePart> parts_of(const SubmitOptions& options);

} // namespace millrace::cli
