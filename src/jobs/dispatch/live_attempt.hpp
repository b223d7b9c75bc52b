// An attempt as the dispatcher has it in memory, from its claim until nothing of it is left. On the dispatcher's
// thread.
#pragma once
#include "jobs/dispatch/attempt_state.hpp"
#include "jobs/dispatch/fair_line.hpp"
#include "jobs/leases/attempt_repository.hpp"
#include "jobs/moves.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <unordered_map>

namespace millrace::jobs {

struct LiveAttempt {
    AttemptState state = AttemptState::claiming;
    Waiting job;                                       // its place in line, should it return there
    std::optional<std::chrono::milliseconds> external; // for an external worker: the length of its lease
    std::shared_ptr<const Lease> lease;                // once it has begun; shared with who published it
    Monotonic began, deadline;                         // the attempt is ended then
    Monotonic lease_ends{Monotonic::max()};
    int progress = 0;
    AttemptVerdict verdict = AttemptVerdict::nothing;
    asio::cancellation_signal stop;

    bool under_way() const { return state == AttemptState::running || state == AttemptState::leased; }
    bool has_begun() const { return lease != nullptr; }
};

// Shared with the coroutine of its processor and with writes about it, which may come back after it was fenced off.
using LiveAttemptPtr = std::shared_ptr<LiveAttempt>;

// Those whose end is not in the store yet, by their jobs: one each.
using LiveAttempts = std::unordered_map<JobId, LiveAttemptPtr>;

} // namespace millrace::jobs
