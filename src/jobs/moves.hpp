// How jobs move from state to state, as the change feed tells it (events/feed.hpp). Each is published in the
// transaction that moves the job, so that whoever hears them all, in their order, knows what every job does. Plain
// values.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "store/turn.hpp"
#include "values/job.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

struct Lease;

// Shares of who submits, in the queue's fairness.
struct Weights {
    int organization = 1, key = 1;
};

// A job was submitted: it waits, or runs already.
struct Arrived {
    JobId id;
    OrganizationId organization;
    ActorId actor;
    Weights weights;
    std::string queue, kind, resource;
    int priority = values::default_priority;
    values::JobState state = values::JobState::queued;
    Timestamp due;
    std::optional<Timestamp> ends_by;     // the earlier of expires_at and deadline_at
    std::shared_ptr<const Lease> lease{}; // under which it runs
};

// A waiting job was claimed: an attempt begins.
struct Begun {
    std::shared_ptr<const Lease> lease;
};

// A job that was taken from the line could not be claimed: it has ended, or its time is over.
struct NotClaimed {
    JobId id;
};

// What an attempt's end says about its queue and its resource. `nothing`: it was cancelled or given back, or its own
// input was at fault.
enum class AttemptVerdict { success, failure, nothing };

// One job moved: an attempt ended, or it was cancelled, expired, retried by hand, released by what it waited for …
struct Moved {
    JobId id;
    OrganizationId organization;
    ActorId actor;
    std::string queue, kind, resource;
    int priority = values::default_priority;
    values::JobState from = values::JobState::queued, to = values::JobState::queued; // equal: it was dead on arrival
    Timestamp due;                                                                   // of a job that waits again
    std::int64_t run_us = 0;
    std::optional<Timestamp> ends_by{}; // of one that was tried and waits again: when it expires
    AttemptVerdict verdict = AttemptVerdict::nothing;
    bool unused = false; // its attempt was given back: it stands in line where it stood
};

// All that one transaction moved, in order.
struct Settled {
    std::vector<Moved> jobs;
    bool more = false;                // others wait for these too, or for what ended with them: settle_more() goes on
    int children = store::Turn::most; // that the transaction may still settle
    bool empty() const { return jobs.empty(); }
};

// How far a running attempt says it is. It is told too often to be stored: Dispatcher::on_progress() hears of it, the
// feed does not.
struct Progress {
    JobId id;
    OrganizationId organization;
    std::string queue, kind;
    int percent = 0;
};

} // namespace millrace::jobs
