// Ended jobs past their time go, with all that belongs to them; nothing else does.
#include "jobs/retention.hpp"
#include "unit/jobs/queue_daemon.hpp"
#include "unit/jobs/stored_jobs.hpp"

#include <set>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;
using values::JobState;

namespace {

// An ended job that was submitted then: ids carry the time of their making.
JobId ended(StoredJobs& world, JobState state, Timestamp submitted, Timestamp at) {
    auto id = JobId::make();
    auto millis = static_cast<std::uint64_t>(submitted.micros / 1000);
    for (int byte = 5; byte >= 0; --byte, millis >>= 8)
        id.value.bytes[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>(millis);
    auto job = world.prepared().job;
    job.id = id;
    job.state = state;
    job.created_at = job.run_at = submitted;
    auto tenant = world.tenant();
    job_repository::insert_ended(tenant, job, at);
    return id;
}
std::vector<JobId> old(StoredJobs& world, JobState state, std::chrono::microseconds keep) {
    return Retention::find_piece(world.session, state, world.now - keep, {}).old;
}

} // namespace

TEST_CASE("what ended longer ago than it is kept is found, by its state") {
    StoredJobs world;
    const auto long_ago = ended(world, JobState::succeeded, world.now - 100h, world.now - 99h);
    ended(world, JobState::succeeded, world.now - 100h, world.now - 1h); // it ran for long
    ended(world, JobState::succeeded, world.now - 2h, world.now - 1h);
    const auto dead = ended(world, JobState::dead, world.now - 100h, world.now - 99h);
    CHECK(old(world, JobState::succeeded, 24h) == std::vector<JobId>{long_ago});
    CHECK(old(world, JobState::dead, 24h) == std::vector<JobId>{dead});
    CHECK(old(world, JobState::cancelled, 24h).empty());
    CHECK(old(world, JobState::succeeded, 200h).empty());
}

TEST_CASE("a job that has not ended is never found, however old") {
    StoredJobs world;
    world.submit();
    world.pass(24h * 365);
    for (const auto state : {JobState::queued, JobState::running, JobState::succeeded})
        CHECK(old(world, state, 1h).empty());
}

TEST_CASE("large pasts are found piece by piece, each once") {
    for (const auto state : {JobState::succeeded, JobState::cancelled}) {
        StoredJobs world;
        std::set<JobId> all;
        for (int i = 0; i < 1203; ++i)
            all.insert(ended(world, state, world.now - 100h + std::chrono::milliseconds{i}, world.now - 99h));
        std::set<JobId> found;
        for (std::optional<Retention::Place> from = Retention::Place{}; from;) {
            const auto piece = Retention::find_piece(world.session, state, world.now - 1h, *from);
            CHECK(piece.old.size() <= 500);
            found.insert(piece.old.begin(), piece.old.end());
            from = piece.next;
        }
        CHECK(found == all);
    }
}

TEST_CASE("what is kept for good is not gone through for what is not" *
          doctest::skip(store::test::postgres_server() != nullptr)) { // it reads SQLite's plan
    StoredJobs world;
    const auto plan = [&](store::Sql sql) {
        auto rows = world.session.query(sql);
        std::string text;
        while (rows.next()) text += rows.string(3) + "\n";
        return text;
    };
    const auto ends = plan("EXPLAIN QUERY PLAN SELECT id FROM finished_jobs WHERE state <> 'succeeded' AND state = "
                           "'cancelled' AND (finished_at, id) > (0, '') "
                           "AND finished_at < 5 ORDER BY finished_at, id");
    CHECK_MESSAGE(ends.find("finished_jobs_by_end") != std::string::npos, ends);
    CHECK_MESSAGE(ends.find("TEMP B-TREE") == std::string::npos, ends);
}

TEST_CASE("a turn at deleting ends after so many jobs") {
    StoredJobs world;
    std::vector<JobId> all;
    for (int i = 0; i < 600; ++i) all.push_back(ended(world, JobState::cancelled, world.now - 100h, world.now - 99h));
    const auto first = Retention::delete_piece(world.session, all, world.now);
    CHECK(first <= 500);
    CHECK(world.number("SELECT count(*) FROM finished_jobs") == 600 - static_cast<std::int64_t>(first));
}

TEST_CASE("what is deleted takes its attempts and dependencies with it, and leaves the totals") {
    StoredJobs world;
    const auto parent = world.submit();
    const auto child = world.submit_after({{parent, values::OnFailure::ignore}});
    world.fail(world.claim(parent));
    world.die(parent);
    world.run(child);
    const auto kept = world.submit();
    world.die(kept);
    const std::vector deleted{parent, child};
    CHECK(Retention::delete_piece(world.session, deleted, {}) == 2);
    CHECK(world.number("SELECT count(*) FROM finished_jobs") == 1);
    CHECK(world.number("SELECT count(*) FROM job_attempts") == 1);
    CHECK(world.number("SELECT count(*) FROM job_dependencies") == 0);
    CHECK(world.number("SELECT sum(jobs) FROM job_totals") == 3);
    CHECK(world.state(kept) == "dead");
}

TEST_CASE("a policy is followed from the start on, for the states that it names") {
    QueueDaemon daemon;
    daemon.finish(daemon.submit());
    daemon.finish(daemon.submit(), failure("broken", Failure::Kind::permanent));
    daemon.clock.set(SystemClock::instance().now() + 48h); // ids carry the true time
    Retention retention{*daemon.database, daemon.clock, daemon.log, daemon.metrics, {{JobState::succeeded, 24h}}};
    while (daemon.run(retention.piece())) {}
    CHECK(daemon.number("SELECT count(*) FROM finished_jobs") == 1);
    CHECK(daemon.number("SELECT count(*) FROM finished_jobs WHERE state = 'dead'") == 1);
}

TEST_CASE(
    "events are read in the order of their commits, after a number, by their own organisation, and forgotten by age") {
    StoredJobs world;
    for (int i = 0; i < 5; ++i) {
        events::write_event(world.session, world.organization, "job.dead", std::to_string(i), {{"n", i}}, world.now);
        world.pass(1h);
    }
    events::write_event(world.session, OrganizationId::make(), "job.dead", "of others", {}, world.now);
    const auto all = world.events();
    REQUIRE(all.size() == 5);
    for (std::size_t i = 1; i < 5; ++i) CHECK(all[i].id > all[i - 1].id);
    CHECK(all[3].data == R"({"n":3})");
    auto tenant = world.tenant();
    const auto page = events::events_after(tenant, all[1].id, 2);
    REQUIRE(page.size() == 2);
    CHECK(page[0].subject == "2");
    CHECK(page[1].subject == "3");
    CHECK(events::forget_events(world.session, world.now - 3h, 1) == 1);
    CHECK(world.events().size() == 4);
    CHECK(events::forget_events(world.session, world.now - 3h, 100) == 1);
    CHECK(world.events().size() == 3);
}
