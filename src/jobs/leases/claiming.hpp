// How attempts begin, and how one that nobody has used is given back. Inside store tasks; each publishes what it did.
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

// nullptr when there is nothing to claim: the job has ended, or its time is over. `external`: the length of an external
// worker's lease.
std::shared_ptr<const Lease> claim_job(store::SystemSession& session, JobId id, std::int64_t token, Timestamp now,
                                       std::optional<std::chrono::milliseconds> external, std::string_view worker);

// As if it had not been claimed: a clean stop of the daemon, a worker that never got it. Nothing when the lease is
// over.
void give_back_unused(store::SystemSession& session, const Lease& lease);

} // namespace millrace::jobs
