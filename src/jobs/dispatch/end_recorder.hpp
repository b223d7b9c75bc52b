// Writes how attempts ended: those of one turn of the dispatcher together. The leases stay good until their ends are in
// the store: what it cannot take now is written later. What was written is heard of through the change feed. On the
// dispatcher's thread.
#pragma once
#include "jobs/dispatch/live_attempt.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/processor.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace millrace::jobs {

class EndRecorder {
public:
    struct Ended {
        LiveAttemptPtr attempt;
        Outcome outcome;
        values::RetryPolicy policy; // of a failure
    };
    // Both run something on the dispatcher's thread: `later` what is called there, when this turn is over; `send`, from
    // any thread, in the order of the calls. Borrows all but these.
    using Run = std::function<void(std::function<void()>)>;
    EndRecorder(store::Database& database, Clock& clock, telemetry::Log& log, const EndRules& rules, Run later,
                Run send)
        : database_{database},
          clock_{clock},
          log_{log},
          rules_{rules},
          later_{std::move(later)},
          send_{std::move(send)} {}

    void record(Ended ended);
    void try_again();                                  // once a second: what the store could not take
    bool waits() const { return !unwritten_.empty(); } // something is to be tried again

private:
    using Ends = std::shared_ptr<std::vector<Ended>>; // shared by the task and its callback
    void flush_soon();
    void flush();
    void write(const Ends& ends);
    void not_written(const Ends& ends, const Error& why);

    store::Database& database_;
    Clock& clock_;
    telemetry::Log& log_;
    const EndRules& rules_;
    Run later_, send_;
    std::vector<Ended> ends_;      // of this turn
    std::vector<Ended> unwritten_; // that the store could not take
    bool flushing_ = false;
};

} // namespace millrace::jobs
