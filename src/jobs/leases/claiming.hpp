// How attempts begin. Inside store tasks.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "store/sql.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace millrace::jobs {

struct Lease;

// Publishes what came of it. nullptr when there is nothing to claim: the job has ended, or its time is over.
// `external`: the length of an external worker's lease.
std::shared_ptr<const Lease> claim_job(store::SystemSession& session, JobId id, std::int64_t token, Timestamp now,
                                       std::optional<std::chrono::milliseconds> external, std::string_view worker);

} // namespace millrace::jobs
