// Jobs by the clock: what people do with schedules. Thread-safe; coroutines resume on the caller's executor. Nothing is
// answered before it is committed.
#pragma once
#include "jobs/job_service.hpp"
#include "jobs/schedules/schedule_repository.hpp"
#include "jobs/schedules/schedule_runner.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

// What a client asks for.
struct NewSchedule {
    std::string name, cron, time_zone = "UTC";
    Missed missed = Missed::run_once;
    std::string job; // JSON text, as in a submit, without run_at
};

class Schedules {
public:
    static constexpr std::int64_t most = 10'000; // of one organisation

    // `feed` is that of `database`. Borrows everything. `read` makes a job of the JSON of a submit.
    Schedules(store::Database& database, events::Feed& feed, Submitter& submitter, ReadJob read, Clock& clock,
              telemetry::Log& log, telemetry::Metrics& metrics);

    void start() { runner_.start(); } // once the queue has been rebuilt
    void stop() { runner_.stop(); }   // before the dispatcher

    struct Answer {
        std::string id, body;  // of the schedule, or of the job; what `render` made of it
        bool replayed = false; // an earlier request with the same Idempotency-Key
    };
    using Render = std::function<std::string(const Schedule&)>;

    // unprocessable: the expression, the zone, or a job that can never run; conflict: the name is taken, or there are
    // too many.
    awaitable<Result<Answer>> create(values::Principal who, NewSchedule asked,
                                     std::optional<IdempotentRequest> idempotency, Render render);
    awaitable<Result<std::optional<Schedule>>> find(OrganizationId organization, ScheduleId id);
    awaitable<Result<Page<Schedule, ScheduleId>>> list(OrganizationId organization, schedule_repository::Filter filter);

    // These are not_found when there is no such schedule.
    awaitable<Result<Schedule>> update(values::Principal who, ScheduleId id, NewSchedule asked);
    awaitable<Result<void>> remove(values::Principal who, ScheduleId id); // its jobs stay
    awaitable<Result<Schedule>> pause(values::Principal who, ScheduleId id);
    awaitable<Result<Schedule>> resume(values::Principal who,
                                       ScheduleId id); // what was planned meanwhile is not missed
    // A job of it at once, whether it is paused or not; what is planned stays. The errors of a submit.
    awaitable<Result<Answer>> run(values::Principal who, ScheduleId id, std::optional<IdempotentRequest> idempotency);

private:
    struct Planned {
        Schedule schedule;              // without what the store knows of it
        std::vector<std::string> blobs; // that its job names
    };
    Result<Planned> plan(const values::Principal& who, const NewSchedule& asked, Timestamp now) const;
    using Change = std::function<Result<void>(store::OrganizationSession&, const Schedule&)>;
    awaitable<Result<Schedule>> change(OrganizationId organization, ScheduleId id, Change apply);

    store::Database& database_;
    Clock& clock_;
    ScheduleTemplates templates_;
    ScheduleRunner runner_;
};

} // namespace millrace::jobs
