// An ended job is put back in line.
#include "unit/jobs/stored_jobs.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;

namespace {

std::optional<Moved> replay(StoredJobs& world, JobId id, std::chrono::microseconds in = 0s,
                            std::optional<std::string> payload = std::nullopt) {
    auto tenant = world.tenant();
    auto moved = replay_job(tenant, id, world.now + in, payload, world.now);
    return moved ? std::optional{std::move(*moved)} : std::nullopt;
}
Prepared the_only_one(const StoredJobs& world) {
    auto wanted = world.prepared();
    wanted.job.unique_key = "only";
    wanted.unique = values::Unique{.key = "only", .period = std::nullopt};
    return wanted;
}
int attempts_until_dead(StoredJobs& world, JobId id) {
    for (int attempts = 1;; ++attempts) {
        const auto settled = world.fail(world.claim(id));
        if (values::is_final(settled.jobs.at(0).to)) return attempts;
        world.now = settled.jobs[0].due;
    }
}

} // namespace

TEST_CASE("a dead job is put back in line with what it was submitted with") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.job.payload = R"({"a":1})";
    wanted.job.priority = 7;
    wanted.job.queue = "q";
    wanted.job.created_by = ActorId::make();
    const auto id = world.store(wanted).id;
    world.die(id);
    world.pass(1h);
    const auto moved = replay(world, id);
    REQUIRE(moved);
    CHECK(moved->id == id);
    CHECK(moved->organization == world.organization);
    CHECK(moved->actor == wanted.job.created_by);
    CHECK(moved->queue == "q");
    CHECK(moved->priority == 7);
    CHECK(moved->to == values::JobState::queued);
    const auto job = world.job(id);
    CHECK(values::name(job.state) == "queued");
    CHECK(job.payload == R"({"a":1})");
    CHECK(job.error->code == "broken"); // why it was dead is not forgotten
    CHECK(job.run_at == world.now);
    CHECK(world.attempts(id).size() == 1);
    CHECK(states(world.run(id)) == "succeeded");
    CHECK(world.job(id).attempt == 2);
}

TEST_CASE("each replay allows as many attempts as the job was given, no more") {
    StoredJobs world;
    const auto id = world.submit();
    for (int round = 1; round <= 4; ++round) {
        CHECK(attempts_until_dead(world, id) == 4);
        CHECK(world.job(id).attempt == 4 * round);
        CHECK(world.job(id).max_attempts == 4 * round);
        REQUIRE(replay(world, id));
    }
}

TEST_CASE("attempts that were lost before a replay do not add to those after it") {
    StoredJobs world;
    const auto id = world.submit();
    for (int i = 0; i < 3; ++i) {
        world.claim(id);
        recover_running(world.session, world.rules, world.now);
    }
    CHECK(attempts_until_dead(world, id) == 4);
    REQUIRE(replay(world, id));
    CHECK(attempts_until_dead(world, id) == 4);
}

TEST_CASE("a job that killed its worker three times may do so three times more when it is replayed") {
    StoredJobs world;
    const auto id = world.submit();
    for (int round = 0; round < 2; ++round) {
        for (const char* state : {"scheduled", "scheduled", "dead"})
            CHECK(states(world.fail(world.claim(id), Failure::Kind::worker_lost)) == state);
        REQUIRE(replay(world, id));
    }
}

TEST_CASE("the first retry after a replay comes as soon as the first of all") {
    StoredJobs world;
    const auto id = world.submit();
    attempts_until_dead(world, id);
    replay(world, id);
    CHECK(world.fail(world.claim(id)).jobs.at(0).due - world.now == 1s);
}

TEST_CASE("a payload may be given anew, and a time") {
    StoredJobs world;
    const auto id = world.submit();
    world.die(id);
    const auto moved = replay(world, id, 10s, R"({"fixed":true})");
    REQUIRE(moved);
    CHECK(moved->to == values::JobState::scheduled);
    CHECK(moved->due == world.now + 10s);
    CHECK(world.job(id).payload == R"({"fixed":true})");
}

TEST_CASE("cancelled and expired jobs can be replayed, without the limits that they have outlived") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.job.expires_at = wanted.job.deadline_at = world.now + 1s;
    const auto expired = world.store(wanted).id;
    world.pass(2s);
    Settled settled;
    auto its = world.tenant();
    REQUIRE(expire_job(its, expired, world.now, settled));
    REQUIRE(replay(world, expired));
    CHECK(states(world.run(expired)) == "succeeded");
    const auto cancelled = world.submit();
    world.cancel(cancelled);
    REQUIRE(replay(world, cancelled));
    CHECK(states(world.run(cancelled)) == "succeeded");
}

TEST_CASE("what succeeded, waits or runs is not replayed") {
    StoredJobs world;
    const auto id = world.submit();
    CHECK_FALSE(replay(world, id));
    const auto lease = world.claim(id);
    CHECK_FALSE(replay(world, id));
    world.succeed(lease);
    CHECK_FALSE(replay(world, id));
    CHECK_FALSE(replay(world, JobId::make()));
}

TEST_CASE("a job of another organisation is not replayed") {
    StoredJobs world;
    const auto id = world.submit();
    world.die(id);
    store::OrganizationSession other{world.session, OrganizationId::make()};
    CHECK_FALSE(replay_job(other, id, world.now, std::nullopt, world.now).has_value());
}

TEST_CASE("a lease from before the replay is stale after it") {
    StoredJobs world;
    const auto id = world.submit();
    const auto old = world.claim(id);
    world.cancel(id);
    REQUIRE(replay(world, id));
    CHECK(world.succeed(old).empty());
    const auto fresh = world.claim(id);
    CHECK(world.succeed(old).empty());
    CHECK(states(world.succeed(fresh)) == "succeeded");
}

TEST_CASE("a replayed job takes its unique key again") {
    StoredJobs world;
    const auto first = world.store(the_only_one(world)).id;
    world.die(first);
    const auto second = world.store(the_only_one(world)).id; // it has come and gone meanwhile
    world.run(second);
    REQUIRE(replay(world, first));
    const auto third = world.store(the_only_one(world));
    CHECK(third.duplicate);
    CHECK(third.id == first);
}

TEST_CASE("a job is not replayed while another has its unique key") {
    StoredJobs world;
    const auto first = world.store(the_only_one(world)).id;
    world.die(first);
    const auto second = world.store(the_only_one(world)).id;
    auto tenant = world.tenant();
    const auto refused = replay_job(tenant, first, world.now, std::nullopt, world.now);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().held_by == second);
    CHECK(world.state(first) == "dead");
    world.run(second);
    CHECK(replay(world, first));
}
