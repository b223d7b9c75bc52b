// Schedules between JSON and plain values. Pure, but that the planned times read the rules of a time zone.
#pragma once
#include "base/json.hpp"
#include "jobs/schedules.hpp"

#include <array>
#include <string>
#include <vector>

namespace millrace::api {

inline constexpr std::array schedule_texts{KeptMember{"", "job"}};

// Parsed with schedule_texts kept. unprocessable names the member that is wrong; the expression, the zone and the job
// are for the service to judge.
Result<jobs::NewSchedule> read_new_schedule(const json::value& document);

// With the next five planned times; a paused schedule has none.
std::string write_schedule(const jobs::Schedule& schedule);
std::string write_schedules(const jobs::Page<jobs::Schedule, ScheduleId>& page);

} // namespace millrace::api
