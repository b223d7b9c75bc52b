// A time zone by its name in the IANA database, as the system's tzdata has it. A cheap value; thread-safe. Pure but
// for load(), which reads a file below /usr/share/zoneinfo (or $TZDIR).
#pragma once
#include "base/clock.hpp"
#include "base/result.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace millrace::jobs {

class TimeZone {
public:
    // "Europe/Berlin", "UTC". unprocessable when there is no such zone here, with what to do. A zone is read once in
    // the life of the process: newer rules count from its next start.
    static Result<TimeZone> load(const std::string& name);
    static TimeZone utc();

    // A stretch of time over which local time is UTC plus one offset.
    struct Span {
        Timestamp begin, end;          // [begin, end)
        std::chrono::seconds offset;   // local time minus UTC
        std::chrono::seconds previous; // the offset before `begin`; equal to `offset` when there was none
    };
    Span span(Timestamp at) const;

private:
    struct Rules;
    explicit TimeZone(std::shared_ptr<const Rules> rules) : rules_{std::move(rules)} {}
    std::shared_ptr<const Rules> rules_; // shared by the copies of the value
};

} // namespace millrace::jobs
