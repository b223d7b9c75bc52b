#include "unit/jobs/schedules/schedules_fixture.hpp"

#include <thread>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;

namespace {

Timestamp at(const std::string& text) { return Timestamp::parse(text).value(); }
Timetable timetable(const std::string& cron, const std::string& zone = "UTC") {
    return Timetable::of(cron, zone).value();
}

} // namespace

TEST_CASE("what is due, by policy") {
    const auto hourly = timetable("@hourly");
    const auto planned = at("2026-05-04T10:00:00Z");
    const auto text = [](const Due& due) {
        std::string out;
        for (const auto time : due.fire) out += time.text().substr(11, 5) + " ";
        return out + "then " + due.then->text().substr(11, 5) + (due.all ? "" : " !");
    };
    for (const auto policy : {Missed::skip, Missed::run_once, Missed::run_all}) {
        CHECK(text(due(hourly, policy, planned, planned)) == "10:00 then 11:00");
        CHECK(text(due(hourly, policy, planned, planned + 60s)) == "10:00 then 11:00");
    }
    CHECK(text(due(hourly, Missed::skip, planned, planned + 61s)) == "then 11:00 !");
    CHECK(text(due(hourly, Missed::run_once, planned, planned + 61s)) == "10:00 then 11:00");
    CHECK(text(due(hourly, Missed::skip, planned, planned + 3h + 10s)) == "13:00 then 14:00 !");
    CHECK(text(due(hourly, Missed::skip, planned, planned + 3h + 10min)) == "then 14:00 !");
    CHECK(text(due(hourly, Missed::run_once, planned, planned + 3h + 10min)) == "13:00 then 14:00 !");
    CHECK(text(due(hourly, Missed::run_all, planned, planned + 3h + 10min)) == "10:00 11:00 12:00 13:00 then 14:00");
    const auto many = due(timetable("* * * * *"), Missed::run_all, planned, planned + 48h);
    CHECK(many.fire.size() == most_catch_ups);
    CHECK(many.fire.back() == planned + 48h);
    CHECK(many.first == planned);
    CHECK(!many.all);
    // A time that the zone's present rules do not plan any more is kept.
    CHECK(text(due(hourly, Missed::run_once, planned + 7min, planned + 8min)) == "10:07 then 11:00");
}

TEST_CASE("a plan made by another clock is made anew") {
    const auto hourly = timetable("@hourly");
    Schedule schedule;
    schedule.next_run_at = at("2026-05-04T11:00:00Z");
    schedule.last_run_at = at("2026-05-04T10:00:00Z");
    CHECK(replanned(hourly, schedule, at("2026-05-04T10:20:00Z")) == schedule.next_run_at);
    CHECK(replanned(hourly, schedule, at("2026-05-04T11:20:00Z")) ==
          schedule.next_run_at); // due: for the policy to say
    CHECK(replanned(hourly, schedule, at("2026-05-04T08:20:00Z")) ==
          schedule.next_run_at); // set back: nothing runs twice
    CHECK(replanned(hourly, schedule, at("2026-05-04T06:20:00Z")) == at("2026-05-04T07:00:00Z")); // it was wrong before
    schedule.last_run_at.reset();
    CHECK(replanned(hourly, schedule, at("2026-05-04T09:20:00Z")) == at("2026-05-04T10:00:00Z"));
    CHECK(replanned(timetable("30 * * * *"), schedule, at("2026-05-04T10:20:00Z")) == at("2026-05-04T10:30:00Z"));
}

TEST_CASE("a planned time gives one job, when it comes") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("@hourly"));
    world.look();
    CHECK(world.jobs().empty());
    world.clock.set(at("2026-05-04T10:59:59.999999Z"));
    world.look();
    CHECK(world.jobs().empty());
    world.clock.pass(1us);
    world.look();
    CHECK(world.jobs() == Times{"2026-05-04T11:00"});
    CHECK(world.next(id) == "2026-05-04T12:00");
    CHECK(world.schedule(id).last_run_at == at("2026-05-04T11:00:00Z"));
    CHECK(world.schedule(id).last_job.has_value());
    CHECK(world.submitter.announced == 1);
    world.look();
    world.clock.pass(59min);
    world.look();
    CHECK(world.jobs().size() == 1);
    world.clock.pass(1min);
    world.look();
    CHECK(world.jobs() == Times{"2026-05-04T11:00", "2026-05-04T12:00"});
    CHECK(world.events().empty());
}

TEST_CASE("two that look at the same moment fire once") {
    ScheduleWorld world;
    world.create(ScheduleWorld::asked("* * * * *", Missed::run_all));
    world.clock.pass(10min);
    ScheduleRunner other{*world.database, *world.feed, world.templates, world.clock, world.log, world.metrics};
    asio::io_context context;
    auto one = asio::co_spawn(context, world.runner->look(), asio::use_future);
    auto two = asio::co_spawn(context, other.look(), asio::use_future);
    context.run();
    one.get();
    two.get();
    CHECK(world.jobs() == Times{"2026-05-04T10:21", "2026-05-04T10:22", "2026-05-04T10:23", "2026-05-04T10:24",
                                "2026-05-04T10:25", "2026-05-04T10:26", "2026-05-04T10:27", "2026-05-04T10:28",
                                "2026-05-04T10:29", "2026-05-04T10:30"});
}

TEST_CASE("times that passed while the daemon was down: skipped, run once, or all run, and operators hear of it") {
    for (const auto policy : {Missed::skip, Missed::run_once, Missed::run_all}) {
        ScheduleWorld world;
        const auto id = world.create(ScheduleWorld::asked("@hourly", policy));
        world.clock.pass(3h); // 13:20
        world.reopen();
        world.look();
        CHECK(world.next(id) == "2026-05-04T14:00");
        const auto jobs = world.jobs();
        const auto events = world.events();
        if (policy == Missed::run_all) {
            CHECK(jobs == Times{"2026-05-04T11:00", "2026-05-04T12:00", "2026-05-04T13:00"});
            CHECK(events.empty()); // nothing was left out
            continue;
        }
        CHECK(jobs == (policy == Missed::skip ? Times{} : Times{"2026-05-04T13:00"}));
        REQUIRE(events.size() == 1);
        CHECK(events[0].at("name") == "nightly");
        CHECK(events[0].at("missed").as_string() == name(policy));
        CHECK(events[0].at("first") == "2026-05-04T11:00:00.000000Z");
        CHECK(events[0].at("last") == "2026-05-04T13:00:00.000000Z");
        CHECK(events[0].at("jobs").to_number<std::size_t>() == jobs.size());
    }
}

TEST_CASE("running all that was missed ends at a thousand, the latest, and says so") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("* * * * *", Missed::run_all));
    world.clock.pass(48h);
    world.look();
    const auto jobs = world.jobs();
    CHECK(jobs.size() == 1000);
    CHECK(std::set<std::string>(jobs.begin(), jobs.end()).size() == 1000);
    CHECK(*std::max_element(jobs.begin(), jobs.end()) == "2026-05-06T10:20");
    CHECK(*std::min_element(jobs.begin(), jobs.end()) == "2026-05-05T17:41");
    CHECK(world.next(id) == "2026-05-06T10:21");
    const auto events = world.events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].at("first") == "2026-05-04T10:21:00.000000Z");
    CHECK(events[0].at("jobs").as_int64() == 1000);
    CHECK(world.submitter.announced == 1000);
}

TEST_CASE("a template that cannot be submitted leaves its reason, and fires next time") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("@hourly"));
    world.submitter.refusal = Error{Code::unavailable, "100 jobs are waiting, which is the limit"};
    world.clock.pass(40min);
    world.look();
    CHECK(world.jobs().empty());
    CHECK(world.schedule(id).last_error == "100 jobs are waiting, which is the limit");
    CHECK(world.schedule(id).last_run_at == at("2026-05-04T11:00:00Z"));
    CHECK(world.next(id) == "2026-05-04T12:00");

    world.submitter.refusal.reset();
    world.submitter.store_refusal = Error{Code::unprocessable, "there is no job to depend on"};
    world.clock.pass(1h);
    world.look();
    CHECK(world.schedule(id).last_error == "there is no job to depend on");
    CHECK(world.submitter.announced == 0);

    world.submitter.store_refusal.reset();
    world.clock.pass(1h);
    world.look();
    CHECK(world.jobs() == Times{"2026-05-04T13:00"});
    CHECK(world.schedule(id).last_error.empty());
}

TEST_CASE("a clock set back by an hour fires nothing twice, one set back by a year goes on from there") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("*/10 * * * *"));
    world.clock.pass(15min);
    world.look(); // 10:30
    CHECK(world.next(id) == "2026-05-04T10:40");
    world.clock.set(at("2026-05-04T09:35:00Z"));
    world.look();
    world.clock.pass(20min);
    world.look();
    CHECK(world.jobs().size() == 1);
    CHECK(world.next(id) == "2026-05-04T10:40");
    world.clock.set(at("2025-05-04T09:35:00Z"));
    world.look();
    CHECK(world.jobs().size() == 1);
    CHECK(world.next(id) == "2025-05-04T09:40");
    world.clock.pass(5min);
    world.look();
    CHECK(world.jobs().size() == 2);
}

TEST_CASE("a clock that was set back while the daemon was down is found at the start") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("@hourly"));
    world.clock.set(at("2020-01-01T00:30:00Z"));
    world.reopen();
    world.look();
    CHECK(world.next(id) == "2020-01-01T01:00");
}

TEST_CASE("a clock that jumps ahead counts what it jumped over as missed") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("@hourly"));
    world.look();
    world.clock.set(at("2026-05-06T09:10:00Z"));
    world.look();
    CHECK(world.jobs() == Times{"2026-05-06T09:00"});
    CHECK(world.next(id) == "2026-05-06T10:00");
    CHECK(world.events().size() == 1);
}

TEST_CASE("the jobs of a schedule belong to the key that made it") {
    ScheduleWorld world;
    world.who.actor = ActorId::make();
    world.create(ScheduleWorld::asked("@hourly"));
    world.clock.pass(1h);
    world.look();
    const auto made_by = world.database->read_blocking([](store::SystemSession& session) -> Result<std::string> {
        auto rows = session.query("SELECT created_by FROM jobs");
        rows.next();
        return rows.string(0);
    });
    CHECK(made_by.value() == world.who.actor.text());
}

TEST_CASE("without its zone a schedule says so, and goes on once the zone is back") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("0 13 * * *", Missed::run_once, "Europe/Berlin")); // 11:00 UTC
    world.clock.pass(40min);
    ::setenv("TZDIR", "/nonexistent", 1);
    world.look();
    ::unsetenv("TZDIR");
    CHECK(world.jobs().empty());
    CHECK(world.schedule(id).last_error.find("install the package tzdata") != std::string::npos);
    CHECK(world.next(id) == "2026-05-04T12:00");
    world.clock.pass(1h);
    world.look();
    CHECK(world.jobs().size() == 1);
    CHECK(world.next(id) == "2026-05-05T11:00");
}

TEST_CASE("a store that takes nothing loses no firing") {
    ScheduleWorld world;
    const auto id = world.create(ScheduleWorld::asked("@hourly"));
    world.clock.pass(1h);
    world.database->close();
    world.look();
    world.reopen();
    world.look();
    CHECK(world.jobs() == Times{"2026-05-04T11:00"});
    CHECK(world.next(id) == "2026-05-04T12:00");
}

TEST_CASE("a frequent schedule goes on beside one that is due much later") {
    ScheduleWorld world;
    world.create(ScheduleWorld::asked("* * * * *"));
    auto yearly = ScheduleWorld::asked("@yearly");
    yearly.name = "yearly";
    world.create(yearly);
    for (int i = 0; i < 3; ++i) {
        world.clock.pass(1min);
        world.look();
    }
    CHECK(world.jobs() == Times{"2026-05-04T10:21", "2026-05-04T10:22", "2026-05-04T10:23"});
}

TEST_CASE("more schedules than are looked at together all fire") {
    ScheduleWorld world;
    for (int i = 0; i < 250; ++i) {
        auto asked = ScheduleWorld::asked(i % 2 ? "@hourly" : "0 11,12 * * *");
        asked.name = "s" + std::to_string(i);
        world.create(asked);
    }
    world.clock.pass(40min);
    world.look();
    CHECK(world.jobs().size() == 250);
    CHECK(world.submitter.announced == 250);
}

TEST_CASE("once started it looks by itself, and at once when something has changed") {
    ScheduleWorld world;
    world.schedules->start();
    const auto id = world.create(ScheduleWorld::asked("@hourly"));
    world.clock.pass(40min);
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (world.submitter.announced == 0 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
    CHECK(world.jobs() == Times{"2026-05-04T11:00"});
    CHECK(world.next(id) == "2026-05-04T12:00");
    world.schedules->stop();
    world.schedules->stop();
    world.clock.pass(10h);
    CHECK(world.jobs().size() == 1);
}
