#include "jobs/schedules/schedule.hpp"

#include "values/queue.hpp"

#include <algorithm>
#include <array>

namespace millrace::jobs {
namespace {

constexpr std::array<std::string_view, 3> missed_names{"skip", "run_once", "run_all"};
constexpr std::chrono::hours correction{3}; // a clock set back by more was wrong before

} // namespace

std::string_view name(Missed policy) { return missed_names[static_cast<std::size_t>(policy)]; }

std::optional<Missed> missed(std::string_view name) {
    const auto at = std::find(missed_names.begin(), missed_names.end(), name);
    return at == missed_names.end() ? std::nullopt : std::optional{static_cast<Missed>(at - missed_names.begin())};
}

Result<Timetable> Timetable::of(const std::string& cron, const std::string& time_zone) {
    const auto parsed = Cron::parse(cron);
    if (!parsed) return parsed.error();
    auto zone = TimeZone::load(time_zone);
    if (!zone) return zone.error();
    return Timetable{*parsed, std::move(*zone)};
}

Due due(const Timetable& timetable, Missed policy, Timestamp next_run_at, Timestamp now) {
    auto times = timetable.latest(next_run_at, now, policy == Missed::run_all ? most_catch_ups : 1);
    if (times.empty()) times.push_back(next_run_at); // planned under rules of the zone that have changed
    Due due{std::move(times), timetable.next(now), next_run_at, {}, true};
    due.last = due.fire.back();
    due.all = due.fire.front() == next_run_at;
    if (policy == Missed::skip && now - due.last > punctual) {
        due.fire.clear();
        due.all = false;
    }
    return due;
}

std::optional<Timestamp> replanned(const Timetable& timetable, const Schedule& schedule, Timestamp now) {
    if (!schedule.next_run_at || *schedule.next_run_at <= now) return schedule.next_run_at;
    const bool has_run =
        schedule.last_run_at && *schedule.last_run_at > now && *schedule.last_run_at - now <= correction;
    return timetable.next(has_run ? *schedule.last_run_at : now);
}

bool is_schedule_name(std::string_view name) { return values::is_queue_name(name); }

} // namespace millrace::jobs
