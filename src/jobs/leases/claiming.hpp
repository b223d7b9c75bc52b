// How attempts begin. Inside store tasks.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "jobs/leases/attempt_repository.hpp"
#include "store/sql.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace::jobs {

// Publishes what came of it, for each. nullptr when there is nothing to claim: the job has ended, or its time is over.
// `external`: the length of an external worker's lease.
std::vector<std::shared_ptr<const Lease>> claim_jobs(store::SystemSession& session,
                                                     const std::vector<attempt_repository::Claim>& claims,
                                                     Timestamp now, std::optional<std::chrono::milliseconds> external,
                                                     std::string_view worker);

} // namespace millrace::jobs
