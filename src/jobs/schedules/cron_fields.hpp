// The five fields of a cron expression, read from its text. Pure.
#pragma once
#include "base/result.hpp"

#include <bitset>
#include <string_view>

namespace millrace::jobs {

struct CronFields {
    std::bitset<60> minutes;
    std::bitset<24> hours;
    std::bitset<32> days;                        // of the month, from 1
    std::bitset<13> months;                      // from 1
    std::bitset<7> weekdays;                     // Sunday is 0
    bool star_minute = false, star_hour = false; // the field begins with `*`
    bool star_day = false, star_weekday = false;
};

// "minute hour day-of-month month day-of-week" with lists, ranges, steps and names, or @hourly, @daily, @weekly,
// @monthly, @yearly. unprocessable, naming the field, when it is none or can never fire.
Result<CronFields> read_cron(std::string_view text);

} // namespace millrace::jobs
