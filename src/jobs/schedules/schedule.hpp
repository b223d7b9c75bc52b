// A schedule as plain values, and the pure rules of what is due. No I/O here.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "jobs/schedules/cron.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::jobs {

// What becomes of planned times that came while the daemon did not run: nothing, one job for all of them, or one each.
enum class Missed { skip, run_once, run_all };
std::string_view name(Missed policy);
std::optional<Missed> missed(std::string_view name);

struct Schedule {
    ScheduleId id;
    OrganizationId organization;
    std::string name, cron, time_zone;
    Missed missed = Missed::run_once;
    std::string job;    // the template as JSON text
    ActorId created_by; // nil: the admin socket
    Timestamp created_at;
    std::optional<Timestamp> paused_at;
    std::optional<Timestamp> next_run_at; // nullopt: never again
    std::optional<Timestamp> last_run_at; // the planned time, not the actual
    std::optional<JobId> last_job;
    std::string last_error; // why the last firing gave no job; empty: it gave one
};

// A cron expression in its zone.
class Timetable {
public:
    // unprocessable, with what is wrong.
    static Result<Timetable> of(const std::string& cron, const std::string& time_zone);
    static Result<Timetable> of(const Schedule& schedule) { return of(schedule.cron, schedule.time_zone); }

    std::optional<Timestamp> next(Timestamp after) const { return cron_.next(after, zone_); }
    std::vector<Timestamp> upcoming(Timestamp after, std::size_t most) const {
        return cron_.upcoming(after, zone_, most);
    }
    std::vector<Timestamp> latest(Timestamp first, Timestamp until, std::size_t most) const {
        return cron_.latest(first, until, zone_, most);
    }

private:
    Timetable(const Cron& cron, TimeZone zone) : cron_{cron}, zone_{std::move(zone)} {}

    Cron cron_;
    TimeZone zone_;
};

inline constexpr std::chrono::seconds punctual{60}; // a planned time counts as missed when it is longer ago
inline constexpr std::size_t most_catch_ups = 1000; // jobs of one schedule at once, under run_all

// What to do about a schedule whose next_run_at has come.
struct Due {
    std::vector<Timestamp> fire;   // the planned times that get a job, in order
    std::optional<Timestamp> then; // next_run_at after that
    Timestamp first, last;         // of the planned times that have come
    bool all = true;               // each of them gets a job
};
Due due(const Timetable& timetable, Missed policy, Timestamp next_run_at, Timestamp now);

// The next_run_at that a schedule ought to have, where the clock or the zone's rules may have changed since it was
// planned. Within three hours a clock that was set back brings no time twice; beyond, it was wrong before.
std::optional<Timestamp> replanned(const Timetable& timetable, const Schedule& schedule, Timestamp now);

// 1-63 bytes of a-z, 0-9, _ and -, beginning with a letter or digit.
bool is_schedule_name(std::string_view name);

} // namespace millrace::jobs
