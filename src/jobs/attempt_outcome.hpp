// The words with which the end of an attempt is recorded, and what they count for.
//   failed                  its own failure
//   worker_lost, timed_out  it ended its worker: by a crash, by running past its model's limit
//   lost                    with the daemon
//   cancelled
#pragma once
#include <string_view>

namespace millrace::jobs {

inline bool ended_worker(std::string_view outcome) { return outcome == "worker_lost" || outcome == "timed_out"; }

// Is it one of max_attempts? The engine runs bystanders again by itself, so that who is told of a worker's end has
// ended it.
inline bool counts_as_attempt(std::string_view outcome) { return outcome == "failed" || ended_worker(outcome); }

} // namespace millrace::jobs
