#include "jobs/schedules/cron.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::jobs;

namespace {

Timestamp at(const std::string& text) {
    const auto time = Timestamp::parse(text);
    REQUIRE_MESSAGE(time.has_value(), text);
    return *time;
}

Cron cron(const std::string& text) {
    const auto parsed = Cron::parse(text);
    REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().detail));
    return *parsed;
}

TimeZone zone(const std::string& name) {
    const auto loaded = TimeZone::load(name);
    REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().detail));
    return *loaded;
}

std::string refusal(const std::string& text) {
    const auto parsed = Cron::parse(text);
    REQUIRE_MESSAGE(!parsed.has_value(), text);
    CHECK(parsed.error().code == Code::unprocessable);
    return parsed.error().detail;
}

std::string minute_of(Timestamp time) { return time.text().substr(0, 16); }

// The planned times after `after`, in UTC and to the minute.
std::vector<std::string> times(const std::string& expression, const std::string& zone_name, const std::string& after,
                               std::size_t most) {
    std::vector<std::string> out;
    for (const auto time : cron(expression).upcoming(at(after), zone(zone_name), most)) out.push_back(minute_of(time));
    return out;
}

using Times = std::vector<std::string>;

} // namespace

TEST_CASE("each field allows values, lists, ranges and steps") {
    struct Case {
        std::string cron, after, next;
    };
    for (const auto& each : std::vector<Case>{
             {"* * * * *", "2026-05-04T10:00:00Z", "2026-05-04T10:01"},
             {"* * * * *", "2026-05-04T10:00:59.999999Z", "2026-05-04T10:01"},
             {"0 * * * *", "2026-05-04T10:00:00Z", "2026-05-04T11:00"},
             {"0 * * * *", "2026-05-04T09:59:59.999999Z", "2026-05-04T10:00"},
             {"*/15 * * * *", "2026-05-04T10:31:00Z", "2026-05-04T10:45"},
             {"*/7 * * * *", "2026-05-04T10:56:00Z", "2026-05-04T11:00"},
             {"10-40/10 * * * *", "2026-05-04T10:40:00Z", "2026-05-04T11:10"},
             {"5,35,20 * * * *", "2026-05-04T10:06:00Z", "2026-05-04T10:20"},
             {"30 6 * * *", "2026-05-04T06:30:00Z", "2026-05-05T06:30"},
             {"0 0 1 * *", "2026-12-15T00:00:00Z", "2027-01-01T00:00"},
             {"0 12 31 * *", "2026-04-01T00:00:00Z", "2026-05-31T12:00"},
             {"59 23 31 12 *", "2026-01-01T00:00:00Z", "2026-12-31T23:59"},
             {"0 9 * * mon-fri", "2026-05-08T09:00:00Z", "2026-05-11T09:00"}, // a Friday
             {"0 9 * * 1-5", "2026-05-08T09:00:00Z", "2026-05-11T09:00"},
             {"0 9 * * SUN", "2026-05-04T00:00:00Z", "2026-05-10T09:00"},
             {"0 9 * * 0", "2026-05-04T00:00:00Z", "2026-05-10T09:00"},
             {"0 9 * * 7", "2026-05-04T00:00:00Z", "2026-05-10T09:00"},
             {"0 9 * * fri-sun", "2026-05-09T10:00:00Z", "2026-05-10T09:00"},
             {"0 9 * * 5-7", "2026-05-10T10:00:00Z", "2026-05-15T09:00"},
             {"0 0 1 jan,Jul *", "2026-02-01T00:00:00Z", "2026-07-01T00:00"},
             {"0 0 1 mar-may *", "2026-05-02T00:00:00Z", "2027-03-01T00:00"},
             {"  0\t0  1 1\t* ", "2026-02-01T00:00:00Z", "2027-01-01T00:00"},
             {"@hourly", "2026-05-04T10:00:00Z", "2026-05-04T11:00"},
             {"@daily", "2026-05-04T10:00:00Z", "2026-05-05T00:00"},
             {"@midnight", "2026-05-04T10:00:00Z", "2026-05-05T00:00"},
             {"@weekly", "2026-05-04T10:00:00Z", "2026-05-10T00:00"},
             {"@monthly", "2026-05-04T10:00:00Z", "2026-06-01T00:00"},
             {"@Yearly", "2026-05-04T10:00:00Z", "2027-01-01T00:00"},
             {"@annually", "2026-05-04T10:00:00Z", "2027-01-01T00:00"},
         }) {
        CAPTURE(each.cron);
        const auto next = cron(each.cron).next(at(each.after), TimeZone::utc());
        REQUIRE(next.has_value());
        CHECK(minute_of(*next) == each.next);
        CHECK(next->micros % 60'000'000 == 0);
    }
}

TEST_CASE("day of month and day of week: either will do, unless one of them begins with a star") {
    // 2026-05-13 is a Wednesday; Fridays are the 1st, 8th, 15th …
    CHECK(times("0 0 13 * fri", "UTC", "2026-05-09T00:00:00Z", 3) ==
          Times{"2026-05-13T00:00", "2026-05-15T00:00", "2026-05-22T00:00"});
    CHECK(times("0 0 13 * *", "UTC", "2026-05-09T00:00:00Z", 2) == Times{"2026-05-13T00:00", "2026-06-13T00:00"});
    CHECK(times("0 0 * * fri", "UTC", "2026-05-09T00:00:00Z", 2) == Times{"2026-05-15T00:00", "2026-05-22T00:00"});
    CHECK(times("0 0 */2 * fri", "UTC", "2026-05-09T00:00:00Z", 3) ==
          Times{"2026-05-15T00:00", "2026-05-29T00:00", "2026-06-05T00:00"});
}

TEST_CASE("the 29th of February comes in leap years only") {
    CHECK(times("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 3) ==
          Times{"2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"});
    CHECK(times("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1) == Times{"2104-02-29T00:00"}); // 2100 is none
    CHECK(times("0 0 29 2 */7", "UTC", "2026-01-01T00:00:00Z", 2) ==
          Times{"2032-02-29T00:00", "2060-02-29T00:00"}); // Sundays
    CHECK(times("0 0 28-31 2 *", "Europe/Berlin", "2027-02-27T00:00:00Z", 3) ==
          Times{"2027-02-27T23:00", "2028-02-27T23:00", "2028-02-28T23:00"});
    CHECK(times("0 0 29,30 * *", "UTC", "2027-01-30T00:00:00Z", 2) == Times{"2027-03-29T00:00", "2027-03-30T00:00"});
}

TEST_CASE("what is no cron expression is refused with the field and the way out") {
    CHECK(refusal("0 25 * * *") == "field 2 (hour): 25 is outside 0-23");
    CHECK(refusal("60 * * * *") == "field 1 (minute): 60 is outside 0-59");
    CHECK(refusal("0 0 0 * *") == "field 3 (day of month): 0 is outside 1-31");
    CHECK(refusal("0 0 1 13 *") == "field 4 (month): 13 is outside 1-12");
    CHECK(refusal("0 0 * * 8") == "field 5 (day of week): 8 is outside 0-7");
    CHECK(refusal("0 22-4 * * *") == "field 2 (hour): the range 22-4 goes backwards; write 22-23,0-4");
    CHECK(refusal("5/10 * * * *") == "field 1 (minute): a step needs a range; write 5-59/… or */…");
    CHECK(refusal("*/0 * * * *") == "field 1 (minute): the step 0 is outside 1-60");
    CHECK(refusal("*/90 * * * *") == "field 1 (minute): the step 90 is outside 1-60");
    CHECK(refusal("*/x * * * *") == "field 1 (minute): \"x\" is no step; write a number after the slash, as in */5");
    CHECK(refusal("0 0 * * funday").find("field 5 (day of week): \"funday\" is none of sun mon tue") == 0);
    CHECK(refusal("0 0 L * *").find("field 3 (day of month): \"L\" is none of the numbers 1-31") == 0);
    for (const auto* text :
         {"",           "   ",           "* * * *",      "* * * * * *",   "@reboot",     "@",
          ", * * * *",  "1, * * * *",    "1,,2 * * * *", "- * * * *",     "1- * * * *",  "-1 * * * *",
          "+1 * * * *", "1-2-3 * * * *", "*/ * * * *",   "*/5/2 * * * *", "1.5 * * * *", "99999999999 * * * *",
          "** * * * *", "0 mon * * *"})
        CHECK(!refusal(text).empty());
}

TEST_CASE("an expression that can never fire is refused") {
    CHECK(refusal("0 0 31 2 *") == "\"0 0 31 2 *\" never fires: no month that it names has such a day");
    CHECK(!refusal("0 0 30 2 *").empty());
    CHECK(!refusal("0 0 31 4,6,9,11 *").empty());
    CHECK(!refusal("0 0 31 2 */2").empty());
    CHECK(Cron::parse("0 0 31 2 mon").has_value()); // every Monday of February
    CHECK(Cron::parse("0 0 31 2,3 *").has_value());
}

TEST_CASE("in Berlin, a time that the jump forward leaves out fires at the jump, once") {
    // On 2026-03-29, 02:00 becomes 03:00, at 01:00 UTC.
    CHECK(times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3) ==
          Times{"2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"});
    CHECK(times("0 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2) ==
          Times{"2026-03-29T01:00", "2026-03-30T00:00"});
    CHECK(times("0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2) ==
          Times{"2026-03-29T01:00", "2026-03-30T01:00"});
    CHECK(times("0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 3) ==
          Times{"2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T01:00"});
    CHECK(times("10,40 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2) ==
          Times{"2026-03-29T01:00", "2026-03-30T00:10"});
    CHECK(times("59 1 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2) ==
          Times{"2026-03-29T00:59", "2026-03-29T23:59"});
    // On another day of the week or month there is nothing to make up for.
    CHECK(times("30 2 * * mon", "Europe/Berlin", "2026-03-28T12:00:00Z", 1) == Times{"2026-03-30T00:30"});
    CHECK(times("30 2 30 * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 1) == Times{"2026-03-30T00:30"});
    // The jump itself is no time to fire again.
    CHECK(times("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", 1) == Times{"2026-03-30T00:30"});
}

TEST_CASE("in Berlin, a time that comes twice fires the first time") {
    // On 2026-10-25, 03:00 becomes 02:00, at 01:00 UTC.
    CHECK(times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2) ==
          Times{"2026-10-25T00:30", "2026-10-26T01:30"});
    CHECK(times("0 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2) ==
          Times{"2026-10-25T00:00", "2026-10-26T01:00"});
    CHECK(times("0 3 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2) ==
          Times{"2026-10-25T02:00", "2026-10-26T02:00"});
    CHECK(times("15,45 1-3 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", 6) ==
          Times{"2026-10-24T23:15", "2026-10-24T23:45", "2026-10-25T00:15", "2026-10-25T00:45", "2026-10-25T02:15",
                "2026-10-25T02:45"});
    // Asked in the middle of the second coming.
    CHECK(times("45 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1) == Times{"2026-10-26T01:45"});
}

TEST_CASE("wildcard schedules go on evenly through both jumps") {
    CHECK(times("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", 4) ==
          Times{"2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30", "2026-03-29T02:00"});
    CHECK(times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15:00Z", 4) ==
          Times{"2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"});
    CHECK(times("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2) ==
          Times{"2026-03-29T00:30", "2026-03-29T01:30"});
    CHECK(times("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 3) ==
          Times{"2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"});
    // Every second hour: never longer apart than that.
    CHECK(times("0 */2 * * *", "Europe/Berlin", "2026-03-28T22:00:00Z", 3) ==
          Times{"2026-03-28T23:00", "2026-03-29T01:00", "2026-03-29T02:00"});
    CHECK(times("0 */2 * * *", "Europe/Berlin", "2026-10-24T21:00:00Z", 4) ==
          Times{"2026-10-24T22:00", "2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T03:00"});
    // A fixed hour, by minutes: nothing is lost on the day without that hour.
    CHECK(times("*/20 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2) ==
          Times{"2026-03-29T01:00", "2026-03-30T00:00"});
}

TEST_CASE("New York jumps on its own days") {
    // 2026-03-08 02:00 EST becomes 03:00 EDT at 07:00 UTC; 2026-11-01 02:00 EDT becomes 01:00 EST at 06:00 UTC.
    CHECK(times("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2) ==
          Times{"2026-03-08T07:00", "2026-03-09T06:30"});
    CHECK(times("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2) ==
          Times{"2026-11-01T05:30", "2026-11-02T06:30"});
    CHECK(times("*/30 * * * *", "America/New_York", "2026-11-01T05:15:00Z", 4) ==
          Times{"2026-11-01T05:30", "2026-11-01T06:00", "2026-11-01T06:30", "2026-11-01T07:00"});
    CHECK(times("0 9 * * mon-fri", "America/New_York", "2026-03-06T15:00:00Z", 2) ==
          Times{"2026-03-09T13:00", "2026-03-10T13:00"});
}

TEST_CASE("Lord Howe jumps by half an hour") {
    // 2026-10-04 02:00 (+10:30) becomes 02:30 (+11) at 15:30 UTC the day before; 2026-04-05 02:00 (+11) becomes 01:30
    // at 15:00 UTC.
    CHECK(times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2) ==
          Times{"2026-10-03T15:30", "2026-10-04T15:15"});
    CHECK(times("30 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2) ==
          Times{"2026-10-03T15:30", "2026-10-04T15:30"});
    CHECK(times("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2) ==
          Times{"2026-04-04T14:45", "2026-04-05T15:15"});
    CHECK(times("15 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2) ==
          Times{"2026-04-04T14:15", "2026-04-05T14:45"});
    CHECK(times("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:30:00Z", 5) ==
          Times{"2026-04-04T14:45", "2026-04-04T15:00", "2026-04-04T15:15", "2026-04-04T15:30", "2026-04-04T15:45"});
}

TEST_CASE("zones whose jump comes at midnight, and one that left out a whole day") {
    // Cairo, 2026-04-24: 00:00 becomes 01:00, at 22:00 UTC the day before.
    CHECK(times("0 0 * * *", "Africa/Cairo", "2026-04-22T23:00:00Z", 2) ==
          Times{"2026-04-23T22:00", "2026-04-24T21:00"});
    // A Friday's midnight that is left out is still that Friday's.
    CHECK(times("0 0 * * fri", "Africa/Cairo", "2026-04-22T23:00:00Z", 1) == Times{"2026-04-23T22:00"});
    // Samoa had no 2011-12-30: it went from -10 to +14 at 10:00 UTC.
    CHECK(times("0 12 * * *", "Pacific/Apia", "2011-12-29T23:00:00Z", 2) ==
          Times{"2011-12-30T10:00", "2011-12-30T22:00"});
}

TEST_CASE("an offset of three quarters of an hour, and one without jumps") {
    CHECK(times("0 6 * * *", "Asia/Kathmandu", "2026-05-04T00:00:00Z", 1) == Times{"2026-05-04T00:15"});
    CHECK(times("0 6 * * *", "Asia/Tokyo", "2026-05-04T00:00:00Z", 2) == Times{"2026-05-04T21:00", "2026-05-05T21:00"});
    CHECK(times("0 6 * * *", "Etc/GMT+3", "2026-05-04T00:00:00Z", 1) == Times{"2026-05-04T09:00"});
}

TEST_CASE("jumps far ahead are known by their rule") {
    CHECK(times("30 2 * * *", "Europe/Berlin", "2099-03-28T12:00:00Z", 1) == Times{"2099-03-29T01:00"});
    CHECK(times("0 0 29 2 *", "Europe/Berlin", "2397-01-01T00:00:00Z", 1) == Times{"2400-02-28T23:00"});
}

TEST_CASE("every planned time is found again from the time before it, over years of jumps") {
    for (const auto* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC"})
        for (const auto* expression : {"30 2 * * *", "45 1 * * *", "*/30 * * * *", "0 */2 * * *", "15 0,2 * * sun"}) {
            const auto schedule = cron(expression);
            const auto where = zone(name);
            const auto all = schedule.upcoming(at("2026-01-01T00:00:00Z"), where, 3000);
            REQUIRE(all.size() == 3000);
            for (std::size_t i = 1; i < all.size(); ++i) {
                REQUIRE(all[i - 1] < all[i]);
                // Wherever between the two one asks.
                REQUIRE(schedule.next(all[i] - std::chrono::microseconds{1}, where) == all[i]);
                REQUIRE(schedule.next(Timestamp{(all[i - 1].micros + all[i].micros) / 2}, where) == all[i]);
            }
        }
}

TEST_CASE("nothing is planned after the year 9999") {
    CHECK(!cron("0 0 * * *").next(at("9999-12-31T12:00:00Z"), TimeZone::utc()).has_value());
    CHECK(!cron("0 0 * * *").next(Timestamp{INT64_MAX / 4}, zone("Europe/Berlin")).has_value());
    CHECK(cron("* * * * *").upcoming(at("9999-12-30T23:58:30Z"), TimeZone::utc(), 5).size() == 1);
}

TEST_CASE("the last planned times of a long stretch") {
    const auto minutely = cron("* * * * *");
    const auto first = at("2016-01-01T00:00:00Z"), until = at("2026-01-01T00:00:30Z");
    const auto last = minutely.latest(first, until, TimeZone::utc(), 1000);
    REQUIRE(last.size() == 1000);
    CHECK(minute_of(last.back()) == "2026-01-01T00:00");
    CHECK(minute_of(last.front()) == "2025-12-31T07:21");
    const auto yearly = cron("@yearly").latest(first, until, TimeZone::utc(), 3);
    REQUIRE(yearly.size() == 3);
    CHECK(minute_of(yearly.front()) == "2024-01-01T00:00");
    CHECK(minutely.latest(first, first, TimeZone::utc(), 5) == std::vector{first});
    CHECK(minutely.latest(first, first - std::chrono::seconds{1}, TimeZone::utc(), 5).empty());
}

TEST_CASE("an unknown zone is refused with what to do, and no file is opened for it") {
    for (const auto* name : {"Europe/Belin", "europe/berlin", "", "CEST+1", "../../etc/passwd", "/etc/localtime",
                             ":/etc/localtime", "localtime", "libc:localtime", "file:/etc/localtime", "Europe",
                             "tzdata.zi", "Europe/Berlin ", "Europe\\Berlin"}) {
        CAPTURE(name);
        const auto loaded = TimeZone::load(name);
        REQUIRE(!loaded.has_value());
        CHECK(loaded.error().code == Code::unprocessable);
        CHECK(loaded.error().detail.find("Europe/Berlin") != std::string::npos);
    }
}

TEST_CASE("without time-zone data UTC still works, and the refusal names the package") {
    ::setenv("TZDIR", "/nonexistent", 1);
    const auto missing = TimeZone::load("Asia/Tashkent");
    const auto utc = TimeZone::load("UTC");
    ::unsetenv("TZDIR");
    CHECK(utc.has_value());
    REQUIRE(!missing.has_value());
    CHECK(missing.error().detail.find("install the package tzdata") != std::string::npos);
    CHECK(TimeZone::load("Asia/Tashkent").has_value()); // and once it is there, no restart is needed
}
