#include "unit/jobs/schedules/schedules_fixture.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("a new schedule is planned, and tells what was asked") {
    ScheduleWorld world;
    auto asked = ScheduleWorld::asked("30 6 * * mon-fri", Missed::run_all, "Europe/Berlin");
    asked.job = json_text(json::value{{"kind", "echo"}, {"payload", {{"x", 1}}}});
    const auto schedule = world.schedule(world.create(asked));
    CHECK(schedule.name == "nightly");
    CHECK(schedule.cron == "30 6 * * mon-fri");
    CHECK(schedule.time_zone == "Europe/Berlin");
    CHECK(schedule.missed == Missed::run_all);
    CHECK(schedule.job == R"({"kind":"echo","payload":{"x":1}})");
    CHECK(schedule.created_at == world.clock.now());
    CHECK(schedule.next_run_at == Timestamp::parse("2026-05-05T04:30:00Z"));
    CHECK(!schedule.paused_at.has_value());
    CHECK(!schedule.last_run_at.has_value());
    CHECK(!schedule.last_job.has_value());
}

TEST_CASE("what can never work is refused before it is stored") {
    ScheduleWorld world;
    CHECK(world.refused(ScheduleWorld::asked("0 25 * * *")).detail == "field 2 (hour): 25 is outside 0-23");
    CHECK(contains(world.refused(ScheduleWorld::asked("@daily", Missed::skip, "Berlin")).detail, "Europe/Berlin"));
    auto asked = ScheduleWorld::asked("@daily");
    for (const auto* name : {"", "Nightly", "-x", "a b", "é"}) {
        asked.name = name;
        CHECK(contains(world.refused(asked).detail, "\"name\" must be"));
    }
    asked = ScheduleWorld::asked("@daily");
    asked.job = json_text(json::value{{"queue", "x"}});
    CHECK(world.refused(asked).detail == "the schedule's job: \"kind\" is missing");
    asked.job = json_text(json::value{{"kind", "echo"}, {"run_at", "2027-01-01T00:00:00Z"}});
    CHECK(contains(world.refused(asked).detail, "takes no \"run_at\""));
    asked.job = json_text(json::value{{"kind", "echo"}, {"tags", {{"schedule", "mine"}}}});
    CHECK(contains(world.refused(asked).detail, "the tag \"schedule\" of the schedule's job must be its name"));
    asked.job = json_text(json::value{{"kind", "echo"}, {"tags", {{"schedule", "nightly"}, {"planned_at", "x"}}}});
    CHECK(contains(world.refused(asked).detail, "takes no tag \"planned_at\""));

    world.submitter.refusal = Error{Code::unprocessable, "nothing here runs jobs of kind \"echo\""};
    CHECK(world.refused(ScheduleWorld::asked("@daily")).detail ==
          "the schedule's job: nothing here runs jobs of kind \"echo\"");
    world.submitter.refusal = Error{Code::unavailable, "the backlog is full"};
    asked.job = json_text(json::value{{"kind", "echo"}, {"tags", {{"schedule", "nightly"}, {"site", "north"}}}});
    world.create(asked); // there may be room when it is due

    const auto taken = world.refused(ScheduleWorld::asked("@hourly"));
    CHECK(taken.code == Code::conflict);
    CHECK(contains(taken.detail, "\"nightly\""));
}

TEST_CASE("names are of one organisation, and so is what it sees") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("@daily"));
    const auto other = OrganizationId::make();
    world.database
        ->write_blocking([other](store::SystemSession& session) -> Result<void> {
            session.execute("INSERT INTO organizations (id, name, created_at) VALUES ($1, 'other', 1)", {other});
            return success();
        })
        .value();
    CHECK(!world.run(world.schedules->find(other, id)).value().has_value());
    CHECK(world.run(world.schedules->list(other, {})).value().items.empty());
    world.who.organization = other;
    CHECK(world.run(world.schedules->remove(world.who, id)).error().code == Code::not_found);
    CHECK(world.run(world.schedules->run(world.who, id, std::nullopt)).error().code == Code::not_found);
    world.create(ScheduleWorld::asked("@daily"));
    CHECK(world.run(world.schedules->list(other, {})).value().items.size() == 1);
}

TEST_CASE("lists come newest first, by pages and by name") {
    ScheduleWorld world;
    std::vector<ScheduleId> ids;
    for (const auto* name : {"a", "b", "c"}) {
        auto asked = ScheduleWorld::asked("@daily");
        asked.name = name;
        ids.push_back(world.create(asked));
    }
    const auto list = [&](schedule_repository::Filter filter) {
        std::string names;
        for (const auto& each : world.run(world.schedules->list(world.who.organization, filter)).value().items)
            names += each.name;
        return names;
    };
    CHECK(list({}) == "cba");
    CHECK(list({.name = {}, .before = {}, .limit = 2}) == "cb");
    CHECK(list({.name = {}, .before = ids[1], .limit = 2}) == "a");
    CHECK(list({.name = "b", .before = {}}) == "b");
    CHECK(list({.name = "d", .before = {}}).empty());
}

TEST_CASE("a changed schedule is planned anew; the same times keep what is due") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("0 11 * * *"));
    world.clock.pass(1h); // 11:20: due, and nobody has looked
    auto asked = ScheduleWorld::asked("0 11 * * *", Missed::skip);
    asked.job = json_text(json::value{{"kind", "sleep"}});
    const auto same = world.run(world.schedules->update(world.who, id, asked)).value();
    CHECK(same.next_run_at == Timestamp::parse("2026-05-04T11:00:00Z"));
    CHECK(same.missed == Missed::skip);
    CHECK(same.job == R"({"kind":"sleep"})");

    asked.cron = "0 12 * * *";
    asked.name = "noon";
    CHECK(world.run(world.schedules->update(world.who, id, asked)).value().next_run_at ==
          Timestamp::parse("2026-05-04T12:00:00Z"));
    world.look();
    CHECK(world.jobs().empty());
    world.clock.pass(40min);
    world.look();
    CHECK(world.jobs() == Times{"2026-05-04T12:00"});

    world.create(ScheduleWorld::asked("@daily"));
    asked.name = "nightly";
    CHECK(world.run(world.schedules->update(world.who, id, asked)).error().code == Code::conflict);
    CHECK(world.run(world.schedules->update(world.who, ScheduleId::make(), asked)).error().code == Code::not_found);
}

TEST_CASE("a paused schedule does not fire, and misses nothing") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("@hourly", Missed::run_all));
    CHECK(world.run(world.schedules->pause(world.who, id)).value().paused_at == world.clock.now());
    world.clock.pass(3h);
    CHECK(world.run(world.schedules->pause(world.who, id)).value().paused_at == world.clock.now() - 3h);
    world.look();
    CHECK(world.jobs().empty());
    const auto resumed = world.run(world.schedules->resume(world.who, id)).value();
    CHECK(!resumed.paused_at.has_value());
    CHECK(resumed.next_run_at == Timestamp::parse("2026-05-04T14:00:00Z"));
    world.look();
    CHECK(world.jobs().empty());
    CHECK(world.run(world.schedules->resume(world.who, id)).value().next_run_at == resumed.next_run_at);
    world.clock.pass(40min);
    world.look();
    CHECK(world.jobs() == Times{"2026-05-04T14:00"});
}

TEST_CASE("a removed schedule is gone, its jobs stay") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("@hourly"));
    world.clock.pass(40min);
    world.look();
    CHECK(world.run(world.schedules->remove(world.who, id)).has_value());
    CHECK(world.run(world.schedules->remove(world.who, id)).error().code == Code::not_found);
    world.clock.pass(3h);
    world.look();
    CHECK(world.jobs() == Times{"2026-05-04T11:00"});
}

TEST_CASE("run now gives a job at once, of a paused schedule too, and leaves the plan as it is") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("@hourly"));
    const auto answer = world.run(world.schedules->run(world.who, id, std::nullopt));
    REQUIRE(answer.has_value());
    CHECK(answer->body == "{\"id\":\"" + answer->id + "\",\"state\":\"queued\",\"queue\":\"default\"}");
    CHECK(world.jobs() == Times{"2026-05-04T10:20"});
    CHECK(world.next(id) == "2026-05-04T11:00");
    CHECK(world.schedule(id).last_job->text() == answer->id);
    CHECK(world.submitter.announced == 1);
    world.run(world.schedules->pause(world.who, id)).value();
    CHECK(world.run(world.schedules->run(world.who, id, std::nullopt)).has_value());
    CHECK(world.jobs().size() == 2);

    world.submitter.refusal = Error{Code::unavailable, "the backlog is full"};
    CHECK(world.run(world.schedules->run(world.who, id, std::nullopt)).error().code == Code::unavailable);
    world.submitter.refusal.reset();
    world.submitter.store_refusal = Error{Code::unprocessable, "no such parent"};
    CHECK(world.run(world.schedules->run(world.who, id, std::nullopt)).error().code == Code::unprocessable);
    CHECK(world.jobs().size() == 2);
    CHECK(world.schedule(id).last_error.empty()); // the caller has heard it
}

TEST_CASE("an Idempotency-Key gives one schedule and one run") {
    ScheduleWorld world;
    const IdempotentRequest request{"k", "digest", "POST /api/v1/schedules"};
    const auto render = [](const Schedule& schedule) { return "{\"id\":\"" + schedule.id.text() + "\"}"; };
    const auto first =
        world.run(world.schedules->create(world.who, ScheduleWorld::asked("@daily"), request, render)).value();
    const auto again =
        world.run(world.schedules->create(world.who, ScheduleWorld::asked("@daily"), request, render)).value();
    CHECK(again.replayed);
    CHECK(again.id == first.id);
    CHECK(again.body == first.body);
    const IdempotentRequest other{"k", "another digest", "POST /api/v1/schedules"};
    CHECK(world.run(world.schedules->create(world.who, ScheduleWorld::asked("@daily"), other, render)).error().code ==
          Code::unprocessable);

    const auto id = *ScheduleId::parse(first.id);
    const IdempotentRequest run_request{"k", "", "POST /api/v1/schedules/" + first.id + "/run"};
    const auto job = world.run(world.schedules->run(world.who, id, run_request)).value();
    CHECK(world.run(world.schedules->run(world.who, id, run_request)).value().id == job.id);
    CHECK(world.jobs().size() == 1);
    CHECK(world.submitter.announced == 1);
}
