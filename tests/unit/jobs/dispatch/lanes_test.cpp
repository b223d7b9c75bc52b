// Lanes, names and heaps follow the jobs that live: what clients name once costs nothing for good.
#include "unit/jobs/dispatch/scheduler_world.hpp"
#include "unit/jobs/queue_daemon.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

TEST_CASE("lanes of jobs that have gone go too") {
    SchedulerWorld world;
    for (int i = 0; i < 5000; ++i) {
        world.push(1, "queue-" + std::to_string(i));
        CHECK(world.take(1).size() == 1);
        world.end(1);
    }
    CHECK(world.scheduler.queue().lanes() < 300);
    world.push(5000, "default");
    CHECK(world.take(5000).size() == 5000);
}

TEST_CASE("a lane stays while a job stands in it, backs off or runs") {
    SchedulerWorld world;
    world.push(1, "runs");
    const auto runs = world.take(1).front();
    world.push_at(world.now.wall + 1h, "scheduled");
    world.push(1, "waits", "unheard_of");
    const auto retried = world.lane("backs-off", "echo");
    world.scheduler.queue().push_after({job_id(77'000), world.now.wall, retried, 5, 0}, world.now.steady + 1h);
    for (int i = 0; i < 1000; ++i) world.lane("queue-" + std::to_string(i), "echo");
    CHECK(world.scheduler.queue().lanes() < 300);
    CHECK(world.of(runs).queue->name == "runs");
    world.end(1);
    world.pass(1h);
    const auto taken = world.take(10);
    REQUIRE(taken.size() == 2);
    CHECK(world.of(taken[0]).queue->name == "backs-off"); // due for longer
    CHECK(world.of(taken[1]).queue->name == "scheduled");
    CHECK(world.scheduler.queue().queued() == 1);
}

TEST_CASE("kinds that nothing here runs share a lane of their queue") {
    SchedulerWorld world;
    world.set("outside", {.external = true});
    for (int i = 0; i < 3000; ++i) world.push(1, "outside", "kind-" + std::to_string(i));
    CHECK(world.scheduler.queue().lanes() == 1);
    CHECK(world.take_external("outside", 5000).size() == 3000);
}

TEST_CASE("what is taken out before its time leaves its place") {
    SchedulerWorld world;
    auto& ready = world.scheduler.queue();
    const auto owner = ready.owners().find_or_add(organization(1), key(1));
    world.set("paused", {});
    world.pause("paused");
    const auto lane = world.lane("paused", "echo"), other = world.lane("scheduled", "echo");
    std::uint32_t made = 0;
    for (int i = 0; i < 20'000; ++i) {
        const Waiting in_line{job_id(++made), world.now.wall, lane, 5, owner};
        const Waiting scheduled{job_id(++made), world.now.wall + 24h, other, 5, owner};
        const Waiting backs_off{job_id(++made), world.now.wall, other, 5, owner};
        ready.push(in_line, world.now);
        ready.push(scheduled, world.now);
        ready.push_after(backs_off, world.now.steady + 24h);
        if (i % 100 == 0) continue;
        ready.take_out(in_line, false);
        ready.take_out(scheduled, true);
        ready.take_out(backs_off, true);
    }
    CHECK(ready.standing() < 6000);
    CHECK(ready.queued() == 200);
    CHECK(ready.scheduled() == 400);
    CHECK(world.take(100).empty());
    world.change("paused", {}, 1);
    CHECK(world.take(1000).size() == 200);
    world.pass(24h);
    CHECK(world.take(1000).size() == 400);
    CHECK(ready.standing() == 0);
}

TEST_CASE("names of queues without rules and without jobs are free again") {
    QueueTable table;
    const auto mine = organization(1), others = organization(2);
    table.queue(others, "theirs");
    const auto ruled = table.queue(mine, "a-ruled");
    ruled->set_rules({});
    table.queue(mine, "a-waiting")->waiting = 1;
    const auto used = table.queue(mine, "a-used");
    table.queue(mine, "a-unused")->ended[values::JobState::succeeded] = 7;
    for (std::size_t i = 0; table.count(mine) < QueueTable::most_queues; ++i)
        table.queue(mine, "name-" + std::to_string(i))->waiting = i % 2;
    CHECK(table.admits(mine, "another"));
    CHECK(table.count(mine) == QueueTable::most_queues * 3 / 4);
    for (const auto* name : {"a-ruled", "a-waiting", "a-used"}) CHECK(table.find_queue(mine, name));
    CHECK_FALSE(table.find_queue(mine, "a-unused"));
    CHECK(table.find_queue(others, "theirs"));
    std::int64_t ended = 0;
    for (const auto& queue : table.take_given_up()) ended += queue->ended[values::JobState::succeeded];
    CHECK(ended == 7); // somebody goes on counting them
    CHECK(table.take_given_up().empty());
}

TEST_CASE("there are no more names than may be while all have jobs") {
    QueueTable table;
    const auto mine = organization(1);
    for (std::size_t i = 0; i < QueueTable::most_queues; ++i)
        table.queue(mine, "name-" + std::to_string(i))->waiting = 1;
    CHECK_FALSE(table.admits(mine, "another"));
    CHECK(table.admits(mine, "name-5"));
    CHECK(table.admits(organization(2), "another"));
}

TEST_CASE("refused submits use up no names") {
    QueueDaemon daemon;
    const auto before = daemon.dispatcher->table().count(daemon.who.organization);
    for (const auto* member : {"expires_at", "deadline_at", "kind"}) {
        auto wanted = QueueDaemon::job(std::string{"for-"} + member);
        if (member == std::string{"expires_at"}) wanted.expires_at = daemon.clock.now() - 1s;
        if (member == std::string{"deadline_at"}) wanted.deadline_at = daemon.clock.now() - 1s;
        if (member == std::string{"kind"}) wanted.kind = "unheard_of";
        CHECK_FALSE(daemon.try_submit(wanted).has_value());
    }
    CHECK(daemon.dispatcher->table().count(daemon.who.organization) == before);
}

TEST_CASE("many kinds on an external queue, cancelled, are a few rows and no lanes after a restart") {
    QueueDaemon daemon;
    values::QueueSettings external;
    external.external = true;
    daemon.set("outside", external);
    std::vector<JobId> ids;
    for (int i = 0; i < 300; ++i) {
        auto wanted = QueueDaemon::job("outside");
        wanted.kind = "kind-" + std::to_string(i);
        ids.push_back(daemon.try_submit(wanted).value().id);
    }
    for (const auto& id : ids) CHECK(daemon.run(daemon.jobs->cancel(daemon.who, id)).has_value());
    daemon.settle();
    CHECK(daemon.number("SELECT count(*) FROM job_totals") == 300);
    const auto surplus =
        daemon.database->read_blocking([](store::SystemSession& session) -> Result<std::vector<total_repository::Key>> {
            return total_repository::surplus(session, 20, 1000);
        });
    REQUIRE(surplus.has_value());
    CHECK(surplus->size() == 280);
    CHECK(daemon.database
              ->write_blocking([&](store::SystemSession& session) -> Result<void> {
                  total_repository::fold(session, *surplus);
                  return success();
              })
              .has_value());
    CHECK(daemon.number("SELECT count(*) FROM job_totals") == 21);
    CHECK(daemon.number("SELECT jobs FROM job_totals WHERE queue = ''") == 280);
    daemon.die();
    const auto after = daemon.snapshot();
    CHECK(after.total.ended.at(values::JobState::cancelled) == 300);
    REQUIRE(after.queues.size() == 1);
    CHECK(after.queues.front().ended.at(values::JobState::cancelled) == 20);
}

TEST_CASE("mean run times of many kinds are a few of their own and one for the others") {
    MeanSeconds means;
    for (int i = 0; i < 1000; ++i) means.add("kind-" + std::to_string(i), i < 50 ? 1 : 3);
    CHECK(means.find("kind-7") == 1);
    CHECK(means.find("kind-999") == 3);
    CHECK(means.over_all() < 3);
    CHECK_FALSE(MeanSeconds{}.find("echo"));
}
