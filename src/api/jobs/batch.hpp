// Many jobs in one submit. Pure.
#pragma once
#include "base/json.hpp"
#include "jobs/job_service.hpp"

#include <array>
#include <string>
#include <vector>

namespace millrace::api {

inline constexpr std::size_t most_jobs_a_batch = 1000, max_batch_bytes = 16 << 20;

inline constexpr std::array batch_texts{KeptMember{"jobs", "payload"}};

// {"jobs":[…]}, parsed with batch_texts kept: each job is read or refused by itself. unprocessable when there is no
// such list.
Result<std::vector<Result<values::NewJob>>> read_batch(const json::value& document);

// {"data":[{"status":202,"id",…} | {"status":422,"error":{…}}]}, in the order of the jobs.
std::string write_batch(const jobs::BatchAccepted& accepted);

} // namespace millrace::api
