// expires_at is the time by which a job must have begun, deadline_at the one by which it must have ended.
#include "unit/jobs/stored_jobs.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;

namespace {

struct Limits {
    std::optional<std::chrono::microseconds> expires, deadline;
};

JobId submit(StoredJobs& world, Limits limits) {
    auto wanted = world.prepared();
    if (limits.expires) wanted.job.expires_at = world.now + *limits.expires;
    if (limits.deadline) wanted.job.deadline_at = world.now + *limits.deadline;
    return world.store(wanted).id;
}
bool expire(StoredJobs& world, JobId id) {
    Settled settled;
    auto its = world.tenant();
    return expire_job(its, id, world.now, settled);
}
std::optional<Timestamp> ends_by(StoredJobs& world) {
    std::optional<Timestamp> found;
    attempt_repository::each_waiting(world.session,
                                     [&](const attempt_repository::WaitingRow& row) { found = row.ends_by; });
    return found;
}

} // namespace

TEST_CASE("a job that has not begun by its expires_at is expired, and is not begun any more") {
    for (const Limits& limits : {Limits{60s, {}}, Limits{{}, 60s}, Limits{60s, 90s}}) {
        StoredJobs world;
        const auto id = submit(world, limits);
        CHECK(ends_by(world) == world.now + 60s);
        world.pass(60s - 1us);
        CHECK_FALSE(expire(world, id));
        world.pass(1us);
        CHECK_FALSE(world.try_claim(id));
        CHECK(expire(world, id));
        CHECK(world.state(id) == "expired");
        CHECK(world.job(id).error->code == "expired");
        CHECK_FALSE(expire(world, id));
    }
}

TEST_CASE("a job that runs is not expired from outside: its own attempt is ended") {
    StoredJobs world;
    const auto id = submit(world, {60s, 60s});
    const auto lease = world.claim(id);
    world.pass(2min);
    CHECK_FALSE(expire(world, id));
    CHECK(states(world.fail(lease)) == "expired");
}

TEST_CASE("a job that has begun in time may be tried again after its expires_at") {
    StoredJobs world;
    const auto id = submit(world, {60s, {}});
    world.fail(world.claim(id));
    world.pass(2min);
    CHECK_FALSE(expire(world, id));
    CHECK_FALSE(ends_by(world));
    CHECK(world.claim(id).attempt == 2);
}

TEST_CASE("a job that waits for its next attempt is expired at its deadline") {
    StoredJobs world;
    const auto id = submit(world, {10s, 60s});
    const auto deadline = world.now + 60s;
    world.fail(world.claim(id));
    CHECK(ends_by(world) == deadline);
    world.pass(60s);
    CHECK_FALSE(world.try_claim(id));
    CHECK(expire(world, id));
}

TEST_CASE("an attempt that did not count lets expires_at hold again") {
    StoredJobs world;
    const auto id = submit(world, {60s, {}});
    world.fail(world.claim(id), Failure::Kind::spared);
    world.pass(60s);
    CHECK_FALSE(world.try_claim(id));
    CHECK(expire(world, id));
}

TEST_CASE("what waits for an expired job is settled as after any failure") {
    StoredJobs world;
    const auto parent = submit(world, {1s, {}});
    const auto child = world.submit_after({{parent, values::OnFailure::fail}});
    world.pass(1s);
    Settled settled;
    auto its = world.tenant();
    CHECK(expire_job(its, parent, world.now, settled));
    CHECK(states(settled) == "expired dead");
    CHECK(world.state(child) == "dead");
}

TEST_CASE("a blocked job expires too") {
    StoredJobs world;
    const auto parent = world.submit();
    auto wanted = world.prepared();
    wanted.job.expires_at = world.now + 1s;
    wanted.depends_on = {{parent, values::OnFailure::fail}};
    const auto child = world.store(wanted).id;
    world.pass(1s);
    CHECK(expire(world, child));
    CHECK(states(world.run(parent)) == "succeeded");
}
