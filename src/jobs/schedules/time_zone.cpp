#include "jobs/schedules/time_zone.hpp"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace millrace::jobs {
namespace {

using std::chrono::seconds;

constexpr Timestamp beginning{INT64_MIN / 2}, never{INT64_MAX / 2}; // room for adding an offset

// The library takes more than names (":/etc/passwd", "file:…") and remembers a name that it could not load for ever,
// so that a zone installed later would stay unknown: it is asked only for what is there.
bool is_installed(const std::string& name) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '+' || c == '/';
    };
    if (name == "localtime") return false; // Debian's link to whatever this machine is set to: no name of a zone
    if (name.empty() || name.size() > 64 || name.front() == '/' || !std::all_of(name.begin(), name.end(), plain))
        return false;
    const char* chosen = std::getenv("TZDIR");
    const auto file = std::filesystem::path{chosen && *chosen ? chosen : "/usr/share/zoneinfo"} / name;
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored)) return false;
    std::array<char, 4> magic{};
    return std::ifstream{file, std::ios::binary}.read(magic.data(), magic.size()) &&
           std::string_view{magic.data(), magic.size()} == "TZif";
}

absl::Time moment(Timestamp at) { return absl::FromUnixMicros(at.micros); }

} // namespace

struct TimeZone::Rules {
    absl::TimeZone zone;

    seconds offset(absl::Time at) const { return seconds{zone.At(at).offset}; }
    Timestamp change(const absl::TimeZone::CivilTransition& transition) const {
        // `to` is the first local time after the change. Where it comes twice, `trans` is its second coming.
        return {absl::ToUnixMicros(zone.At(transition.to).trans)};
    }
};

TimeZone TimeZone::utc() { return TimeZone{std::make_shared<const Rules>(Rules{absl::UTCTimeZone()})}; }

Result<TimeZone> TimeZone::load(const std::string& name) {
    if (name == "UTC") return utc(); // needs no file
    Rules rules;
    if (is_installed(name) && absl::LoadTimeZone(name, &rules.zone))
        return TimeZone{std::make_shared<const Rules>(rules)};
    if (!is_installed("Europe/Berlin"))
        return Error{
            Code::unprocessable,
            fmt::format("the time zone \"{}\" is unknown, because this machine has no time-zone data: install the "
                        "package tzdata, or use UTC",
                        name)};
    return Error{
        Code::unprocessable,
        fmt::format("there is no time zone \"{}\"; zones are named as in Europe/Berlin, America/New_York or UTC "
                    "(`timedatectl list-timezones` lists them)",
                    name)};
}

TimeZone::Span TimeZone::span(Timestamp at) const {
    Span span{beginning, never, rules_->offset(moment(at)), {}};
    span.previous = span.offset;
    absl::TimeZone::CivilTransition transition;
    if (rules_->zone.NextTransition(moment(at), &transition)) span.end = rules_->change(transition);
    // The one at `at` itself counts as past.
    if (rules_->zone.PrevTransition(moment(at + seconds{1}), &transition)) {
        span.begin = rules_->change(transition);
        span.previous = rules_->offset(moment(span.begin) - absl::Seconds(1));
    }
    return span;
}

} // namespace millrace::jobs
