#include "jobs/schedules/cron.hpp"

#include <algorithm>
#include <chrono>

namespace millrace::jobs {
namespace {

using namespace std::chrono;

constexpr local_seconds last_moment{local_days{year{9999} / December / 31}}; // what an RFC 3339 time can say

local_seconds local(Timestamp at, seconds offset) {
    return local_seconds{floor<seconds>(microseconds{at.micros}) + offset};
}
Timestamp moment(local_seconds at, seconds offset) {
    return {duration_cast<microseconds>(at.time_since_epoch() - offset).count()};
}

} // namespace

Result<Cron> Cron::parse(std::string_view text) {
    const auto fields = read_cron(text);
    if (!fields) return fields.error();
    return Cron{*fields};
}

// Vixie's rule: day of month and day of week both count when one of them begins with `*`, else either will do.
bool Cron::on_day(local_days day) const {
    const year_month_day date{day};
    const bool in_month = fields_.days[static_cast<unsigned>(date.day())];
    const bool in_week = fields_.weekdays[weekday{day}.c_encoding()];
    return fields_.star_day || fields_.star_weekday ? in_month && in_week : in_month || in_week;
}

// The first whole minute in [from, until) that the fields allow.
std::optional<local_seconds> Cron::first_match(local_seconds from, local_seconds until) const {
    until = std::min(until, last_moment);
    for (auto at = ceil<minutes>(from); at < until;) {
        const auto day = floor<days>(at);
        const year_month_day date{day};
        if (!fields_.months[static_cast<unsigned>(date.month())]) {
            at = local_days{(date.year() / date.month() + months{1}) / 1};
            continue;
        }
        if (on_day(day)) {
            for (; floor<days>(at) == day; at = floor<hours>(at) + hours{1}) {
                if (!fields_.hours[static_cast<std::size_t>(floor<hours>(at - day).count())]) continue;
                for (auto minute = static_cast<std::size_t>((at - floor<hours>(at)).count()); minute < 60; ++minute) {
                    if (!fields_.minutes[minute]) continue;
                    const local_seconds found = floor<hours>(at) + minutes{minute};
                    return found < until ? std::optional{found} : std::nullopt;
                }
            }
        }
        at = day + days{1};
    }
    return std::nullopt;
}

std::optional<Timestamp> Cron::next(Timestamp after, const TimeZone& zone) const {
    const bool goes_on_evenly = fields_.star_minute || fields_.star_hour;
    auto span = zone.span(after);
    auto from = floor<minutes>(local(after, span.offset)) + minutes{1};
    for (;;) {
        local_seconds begin = from;
        // The first part of a span after a jump back repeats what the span before it has had.
        if (!goes_on_evenly && span.previous > span.offset) begin = std::max(begin, local(span.begin, span.previous));
        const auto end = local(span.end, span.offset);
        if (const auto found = first_match(begin, end)) return moment(*found, span.offset);
        if (end >= last_moment) return std::nullopt;

        const auto following = zone.span(span.end);
        const auto resumes = local(span.end, following.offset);
        if (!fields_.hours.all() && resumes > end && first_match(end, resumes)) return span.end;
        span = following;
        from = ceil<minutes>(resumes);
    }
}

std::vector<Timestamp> Cron::upcoming(Timestamp after, const TimeZone& zone, std::size_t most) const {
    std::vector<Timestamp> times;
    while (times.size() < most) {
        const auto at = next(times.empty() ? after : times.back(), zone);
        if (!at) break;
        times.push_back(*at);
    }
    return times;
}

std::vector<Timestamp> Cron::latest(Timestamp first, Timestamp until, const TimeZone& zone, std::size_t most) const {
    const Timestamp before_first = first - microseconds{1};
    for (microseconds window = hours{1};; window *= 2) {
        const Timestamp from = std::max(before_first, until - window);
        std::vector<Timestamp> times;
        for (auto at = next(from, zone); at && *at <= until; at = next(*at, zone)) times.push_back(*at);
        if (from != before_first && times.size() < most) continue;
        if (times.size() > most) times.erase(times.begin(), times.end() - static_cast<std::ptrdiff_t>(most));
        return times;
    }
}

} // namespace millrace::jobs
