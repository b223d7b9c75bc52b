#include "api/schedules/schedule_json.hpp"

#include "api/jobs/job_input.hpp"
#include "api/jobs/job_json.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

constexpr std::size_t planned_shown = 5;

std::vector<Timestamp> planned(const jobs::Schedule& schedule) {
    if (schedule.paused_at || !schedule.next_run_at) return {};
    std::vector<Timestamp> times{*schedule.next_run_at};
    if (const auto timetable = jobs::Timetable::of(schedule))
        for (const auto time : timetable->upcoming(times.front(), planned_shown - 1)) times.push_back(time);
    return times;
}

} // namespace

Result<jobs::NewSchedule> read_new_schedule(const json::value& document) {
    const auto* object = document.if_object();
    const auto* example = R"({"name":"nightly","cron":"30 2 * * *","time_zone":"Europe/Berlin","job":{"kind":"echo"}})";
    if (!object) return Error{Code::unprocessable, fmt::format("a schedule is a JSON object: {}", example)};
    if (const auto known = only_fields(*object, {"name", "cron", "time_zone", "missed", "job"}); !known)
        return known.error();
    const auto name = string_field(*object, "name", 63), cron = string_field(*object, "cron", 256),
               time_zone = string_field(*object, "time_zone", 64), missed = string_field(*object, "missed", 16);
    for (const auto* read : {&name, &cron, &time_zone, &missed})
        if (!*read) return read->error();
    auto job = field(*object, "job") ? text_field(*object, "job") : std::nullopt;
    if (!*name || !*cron || !job)
        return Error{Code::unprocessable, fmt::format("a schedule needs \"name\", \"cron\" and \"job\": {}", example)};
    const auto policy = jobs::missed(missed->value_or("run_once"));
    if (!policy) return Error{Code::unprocessable, "\"missed\" must be skip, run_once or run_all"};
    return jobs::NewSchedule{**name, **cron, time_zone->value_or("UTC"), *policy, std::move(*job)};
}

std::string write_schedule(const jobs::Schedule& schedule) {
    std::string times;
    for (const auto time : planned(schedule)) times += fmt::format(R"({}"{}")", times.empty() ? "" : ",", time.text());
    const bool fires = !schedule.paused_at && schedule.next_run_at;
    return fmt::format(
        R"({{"id":"{}","name":{},"cron":{},"time_zone":{},"missed":"{}","job":{},"created_at":{},"paused_at":{},)"
        R"("next_run_at":{},"planned":[{}],"last_run_at":{},"last_job_id":{},"last_error":{}}})",
        schedule.id.text(), json_text(schedule.name), json_text(schedule.cron), json_text(schedule.time_zone),
        jobs::name(schedule.missed), schedule.job, json_moment(schedule.created_at), json_moment(schedule.paused_at),
        fires ? json_moment(schedule.next_run_at) : "null", times, json_moment(schedule.last_run_at),
        schedule.last_job ? json_text(schedule.last_job->text()) : "null",
        schedule.last_error.empty() ? "null" : json_text(schedule.last_error));
}

std::string write_schedules(const jobs::Page<jobs::Schedule, ScheduleId>& page) {
    std::string out = R"({"data":[)";
    for (const auto& schedule : page.items) {
        if (&schedule != &page.items.front()) out += ',';
        out += write_schedule(schedule);
    }
    return out + fmt::format(R"(],"meta":{{"next_cursor":{}}}}})", page.next ? json_text(page.next->text()) : "null");
}

} // namespace millrace::api
