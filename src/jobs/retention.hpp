// How long ended jobs are kept: results for good unless somebody says otherwise. A chore of the housekeeping: it
// deletes in small pieces on the writer, so that nobody waits behind it. On one thread.
#pragma once
#include "async/awaitable.hpp"
#include "base/clock.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "values/job.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::jobs {

// A state that is not named is kept for good.
using KeptFor = std::map<values::JobState, std::chrono::hours>;

class Retention {
public:
    // Borrows all but the last.
    Retention(store::Database& database, const Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics,
              KeptFor kept)
        : database_{database},
          clock_{clock},
          log_{log},
          kept_{std::move(kept)},
          state_{kept_.end()},
          deleted_{metrics.counter("millrace_jobs_deleted_total", "Ended jobs deleted by the retention policy")} {}

    // Looks for some jobs that are past their time, or deletes as many of them as one turn of the writer takes. False
    // when all states have been gone through: the next call begins anew.
    awaitable<bool> piece();

    // How far a sweep of a state has come: what has succeeded by id, the others by the time of their end.
    struct Place {
        Timestamp ended{0};
        std::string id;
    };
    struct Piece {
        std::vector<JobId> old;
        std::optional<Place> next; // nullopt: that was the last
    };
    // Inside store tasks: some jobs that are over their time, behind `from`, after a bounded look; and their end. How
    // many of them one turn of the writer took.
    static Piece find_piece(store::SystemSession& session, values::JobState state, Timestamp older_than,
                            const Place& from);
    static std::size_t delete_piece(store::SystemSession& session, std::span<const JobId> old, Timestamp now);

private:
    awaitable<bool> find();
    awaitable<bool> remove();
    bool begin_state(KeptFor::const_iterator state);

    store::Database& database_;
    const Clock& clock_;
    telemetry::Log& log_;
    const KeptFor kept_;
    KeptFor::const_iterator state_; // that is being swept; end: none
    Timestamp older_than_;
    std::optional<Place> from_; // where the next look begins; nullopt: the state has been gone through
    std::vector<JobId> old_;    // found, and not deleted yet
    std::size_t of_state_ = 0;  // deleted
    telemetry::Counter& deleted_;
};

} // namespace millrace::jobs
