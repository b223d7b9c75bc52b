#include "jobs/schedules/schedule_template.hpp"

namespace millrace::jobs {

Result<void> ScheduleTemplates::check(const values::Principal& who, const std::string& name, std::string_view job,
                                      Timestamp now) const {
    auto read = read_(job);
    if (!read) return Error{read.error().code, "the schedule's job: " + read.error().detail};
    if (read->run_at)
        return Error{Code::unprocessable, "the schedule's job takes no \"run_at\": \"cron\" says when it runs"};
    const auto* tag = read->tags.if_contains("schedule");
    if (tag && *tag != boost::json::value(name))
        return Error{Code::unprocessable,
                     "the tag \"schedule\" of the schedule's job must be its name: each firing sets it"};
    if (read->tags.contains("planned_at"))
        return Error{Code::unprocessable, "the schedule's job takes no tag \"planned_at\": each firing sets it"};
    const auto prepared = submitter_.prepare(who, std::move(*read), now);
    if (!prepared && prepared.error().code != Code::unavailable)
        return Error{prepared.error().code, "the schedule's job: " + prepared.error().detail};
    return success();
}

Result<Pending> ScheduleTemplates::prepare(const Schedule& schedule, Timestamp planned, Timestamp now) const {
    auto job = read_(schedule.job);
    if (!job) return job.error();
    job->tags["schedule"] = schedule.name;
    job->tags["planned_at"] = planned.text();
    // Its jobs are the organisation's: they go on when the key that made it is gone.
    const values::Principal who{.organization = schedule.organization,
                                .actor = schedule.created_by,
                                .name = "schedule " + schedule.name,
                                .role = values::Role::submitter};
    return submitter_.prepare(who, std::move(*job), now);
}

} // namespace millrace::jobs
