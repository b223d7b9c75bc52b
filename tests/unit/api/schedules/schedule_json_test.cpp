#include "api/schedules/schedule_json.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

Result<jobs::NewSchedule> read(const std::string& text) {
    return read_new_schedule(parse_json(text, schedule_texts).value());
}

std::string refusal(const std::string& text) {
    const auto schedule = read(text);
    REQUIRE_MESSAGE(!schedule.has_value(), text);
    CHECK(schedule.error().code == Code::unprocessable);
    return schedule.error().detail;
}

jobs::Schedule schedule() {
    jobs::Schedule made;
    made.name = "nightly";
    made.cron = "30 2 * * *";
    made.time_zone = "Europe/Berlin";
    made.job = R"({"kind":"echo"})";
    made.next_run_at = Timestamp::parse("2026-10-24T00:30:00Z");
    return made;
}

} // namespace

TEST_CASE("a schedule is read with its defaults") {
    const auto read_one = read(R"({"name":"n","cron":"@daily","job":{"kind":"echo"}})").value();
    CHECK(read_one.time_zone == "UTC");
    CHECK(read_one.missed == jobs::Missed::run_once);
    const auto full =
        read(
            R"({"name":"n","cron":"@daily","time_zone":"Asia/Tokyo","missed":"run_all","job":{"kind":"echo","payload":[1]}})")
            .value();
    CHECK(full.time_zone == "Asia/Tokyo");
    CHECK(full.missed == jobs::Missed::run_all);
    CHECK(full.job == R"({"kind":"echo","payload":[1]})");
}

TEST_CASE("what is no schedule is refused in words") {
    CHECK(refusal("[]").find("a schedule is a JSON object") == 0);
    CHECK(refusal(R"({"cron":"@daily","job":{}})").find("a schedule needs \"name\", \"cron\" and \"job\"") == 0);
    CHECK(refusal(R"({"name":"n","cron":"@daily"})").find("a schedule needs") == 0);
    CHECK(refusal(R"({"name":"n","cron":5,"job":{}})") == "\"cron\" must be a string of at most 256 bytes");
    CHECK(refusal(R"({"name":"n","cron":"@daily","job":{},"missed":"never"})") ==
          "\"missed\" must be skip, run_once or run_all");
    CHECK(refusal(R"({"name":"n","cron":"@daily","job":{},"timezone":"UTC"})") == "unknown field \"timezone\"");
}

TEST_CASE("the next five planned times are shown, through the end of summer time") {
    const auto shown = json::parse(write_schedule(schedule()));
    CHECK(shown.at("next_run_at") == "2026-10-24T00:30:00.000000Z");
    CHECK(json::serialize(shown.at("planned")) ==
          R"(["2026-10-24T00:30:00.000000Z","2026-10-25T00:30:00.000000Z","2026-10-26T01:30:00.000000Z",)"
          R"("2026-10-27T01:30:00.000000Z","2026-10-28T01:30:00.000000Z"])");
    CHECK(shown.at("job").at("kind") == "echo");
    CHECK(shown.at("last_error").is_null());
    CHECK(shown.at("last_job_id").is_null());
}

TEST_CASE("a paused schedule plans nothing") {
    auto paused = schedule();
    paused.paused_at = Timestamp::parse("2026-10-20T00:00:00Z");
    paused.last_error = "the backlog is \"full\"";
    const auto shown = json::parse(write_schedule(paused));
    CHECK(shown.at("next_run_at").is_null());
    CHECK(shown.at("planned").as_array().empty());
    CHECK(shown.at("paused_at") == "2026-10-20T00:00:00.000000Z");
    CHECK(shown.at("last_error") == "the backlog is \"full\"");
}

TEST_CASE("a page of schedules names where to go on") {
    jobs::Page<jobs::Schedule, ScheduleId> page{{schedule(), schedule()}, {}};
    CHECK(json::parse(write_schedules(page)).at("meta").at("next_cursor").is_null());
    page.next = page.items.back().id;
    CHECK(json::parse(write_schedules(page)).at("meta").at("next_cursor") == json::value(page.next->text()));
    CHECK(json::parse(write_schedules({})).at("data").as_array().empty());
}
