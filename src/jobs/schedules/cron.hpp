// When a cron expression fires. Pure.
//
// Local time jumps twice a year in many zones. A time that a jump forward leaves out is made up for at the moment of
// the jump; a time that a jump back brings twice fires the first time only. Schedules whose minute or hour begins with
// `*` go on evenly instead: they fire both times; and where every hour counts, nothing is to be made up for.
#pragma once
#include "base/clock.hpp"
#include "base/result.hpp"
#include "jobs/schedules/cron_fields.hpp"
#include "jobs/schedules/time_zone.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace::jobs {

class Cron {
public:
    // See read_cron().
    static Result<Cron> parse(std::string_view text);

    // The first planned time after `after`, to the microsecond. nullopt: none before the year 10000.
    std::optional<Timestamp> next(Timestamp after, const TimeZone& zone) const;
    // The `most` planned times that follow `after`, in order.
    std::vector<Timestamp> upcoming(Timestamp after, const TimeZone& zone, std::size_t most) const;
    // The last `most` planned times of those from `first`, a planned time itself, to `until`, in order. However many
    // there are, only those near the end are looked at.
    std::vector<Timestamp> latest(Timestamp first, Timestamp until, const TimeZone& zone, std::size_t most) const;

private:
    explicit Cron(const CronFields& fields) : fields_{fields} {}

    bool on_day(std::chrono::local_days day) const;
    std::optional<std::chrono::local_seconds> first_match(std::chrono::local_seconds from,
                                                          std::chrono::local_seconds until) const;

    CronFields fields_;
};

} // namespace millrace::jobs
