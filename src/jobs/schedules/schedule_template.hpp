// From a schedule's template to the job of one firing.
#pragma once
#include "jobs/schedules/schedule.hpp"
#include "jobs/schedules/submitter.hpp"

#include <functional>
#include <string_view>

namespace millrace::jobs {

// Reads the JSON of a submit; unprocessable names the member that is wrong.
using ReadJob = std::function<Result<values::NewJob>(std::string_view text)>;

class ScheduleTemplates {
public:
    // Borrows `submitter`.
    ScheduleTemplates(Submitter& submitter, ReadJob read) : submitter_{submitter}, read_{std::move(read)} {}

    // Whether jobs of this template of the schedule `name` could run here. That there is no room just now does not
    // matter.
    Result<void> check(const values::Principal& who, const std::string& name, std::string_view job,
                       Timestamp now) const;
    // The job of the firing planned for `planned`, with the tags `schedule` and `planned_at`.
    Result<Pending> prepare(const Schedule& schedule, Timestamp planned, Timestamp now) const;

private:
    Submitter& submitter_;
    ReadJob read_;
};

} // namespace millrace::jobs
