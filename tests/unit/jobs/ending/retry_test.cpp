// What follows a failed attempt: another one, when, and when no more.
#include "unit/jobs/stored_jobs.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;
using Kind = Failure::Kind;

namespace {

const Outcome broken = Failure{Kind::retryable, {"broken", "it broke"}, {}};

// Claims and fails until the job has ended; the waits between.
std::vector<std::chrono::microseconds> fail_until_dead(StoredJobs& world, JobId id,
                                                       const values::RetryPolicy& policy = {}) {
    std::vector<std::chrono::microseconds> waits;
    for (int guard = 0; guard < 200; ++guard) {
        const auto settled = world.end(world.claim(id), broken, policy);
        REQUIRE(settled.jobs.size() == 1);
        if (values::is_final(settled.jobs[0].to)) return waits;
        CHECK(settled.jobs[0].to == values::JobState::scheduled);
        CHECK(world.job(id).run_at == settled.jobs[0].due);
        waits.push_back(settled.jobs[0].due - world.now);
        world.now = settled.jobs[0].due;
    }
    FAIL("it never ends");
    return waits;
}

} // namespace

TEST_CASE("a job that always fails is tried three times more, after 1, 2 and 4 seconds, and is dead") {
    StoredJobs world;
    const auto id = world.submit();
    CHECK(fail_until_dead(world, id) == std::vector<std::chrono::microseconds>{1s, 2s, 4s});
    const auto job = world.job(id);
    CHECK(values::name(job.state) == "dead");
    CHECK(job.attempt == 4);
    REQUIRE(job.error);
    CHECK(job.error->code == "broken");
    const auto attempts = world.attempts(id);
    REQUIRE(attempts.size() == 4);
    for (int i = 0; i < 4; ++i) {
        CHECK(attempts[static_cast<std::size_t>(i)].number == i + 1);
        CHECK(attempts[static_cast<std::size_t>(i)].outcome == "failed");
        CHECK(attempts[static_cast<std::size_t>(i)].error.message == "it broke");
    }
    const auto events = world.events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].type == "job.dead");
    CHECK(events[0].subject == id.text());
    CHECK(json::parse(events[0].data).at("error").at("code") == "broken");
}

TEST_CASE("exactly as many attempts are made as are allowed") {
    for (const int allowed : {1, 2, 3, 10}) {
        StoredJobs world;
        auto wanted = world.prepared();
        wanted.job.max_attempts = allowed;
        const auto id = world.store(wanted).id;
        CHECK(fail_until_dead(world, id).size() == static_cast<std::size_t>(allowed - 1));
        CHECK(world.job(id).attempt == allowed);
    }
}

TEST_CASE("jitter moves a retry by a fifth at most, either way") {
    for (const auto& [random, expected] : {std::pair{std::uint64_t{0}, 800ms}, std::pair{~std::uint64_t{0}, 1200ms},
                                           std::pair{std::uint64_t{1} << 63, 1000ms}}) {
        StoredJobs world;
        const auto settled = world.end(world.claim(world.submit()), broken, {}, random);
        CHECK(settled.jobs.at(0).due - world.now == expected);
    }
}

TEST_CASE("what can never work is not tried again") {
    StoredJobs world;
    const auto id = world.submit();
    CHECK(states(world.fail(world.claim(id), Kind::permanent)) == "dead");
    CHECK(world.job(id).attempt == 1);
}

TEST_CASE("an error code that its policy never retries is not tried again") {
    StoredJobs world;
    values::RetryPolicy policy;
    policy.never = {"other", "broken"};
    CHECK(states(world.end(world.claim(world.submit()), broken, policy)) == "dead");
    policy.never = {"other"};
    CHECK(states(world.end(world.claim(world.submit()), broken, policy)) == "scheduled");
}

TEST_CASE("a processor's own time to try again takes the policy's place") {
    StoredJobs world;
    const auto settled =
        world.end(world.claim(world.submit()), Failure{Kind::retryable, {"busy", "come back later"}, 90s});
    CHECK(settled.jobs.at(0).due - world.now == 90s);
    const auto at_once = world.end(world.claim(world.submit()), Failure{Kind::retryable, {"busy", ""}, 0ms});
    CHECK(at_once.jobs.at(0).due == world.now);
}

TEST_CASE("a retry beyond the deadline is not planned") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.job.deadline_at = world.now + 1500ms;
    const auto id = world.store(wanted).id;
    CHECK(states(world.end(world.claim(id), broken)) == "scheduled");
    world.pass(1s);
    CHECK(states(world.end(world.claim(id), broken)) == "dead"); // its next would be two seconds away
    CHECK(world.job(id).attempt == 2);
}

TEST_CASE("an attempt that fails past the deadline expires its job") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.job.deadline_at = world.now + 5s;
    const auto lease = world.claim(world.store(wanted).id);
    world.pass(5s);
    CHECK(states(world.end(lease, Failure{Kind::retryable, {"timed_out", ""}, {}})) == "expired");
    CHECK(world.job(lease.id).error->code == "timed_out");
    CHECK(world.events().empty()); // nobody is alarmed
}

TEST_CASE("a result that comes past the deadline, before anybody ended the attempt, is kept") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.job.deadline_at = world.now + 5s;
    const auto lease = world.claim(world.store(wanted).id);
    world.pass(6s);
    CHECK(states(world.succeed(lease)) == "succeeded");
}

TEST_CASE("an attempt that was spared counts for nothing and waits for nothing") {
    StoredJobs world;
    const auto id = world.submit();
    for (int i = 0; i < 10; ++i) {
        const auto settled = world.fail(world.claim(id), Kind::spared);
        CHECK(states(settled) == "queued");
        CHECK(settled.jobs[0].due == world.now);
        CHECK(world.job(id).run_at == world.now); // memory and store know it by the same time
        world.pass(1s);
    }
    CHECK(world.job(id).attempt == 0);
    CHECK(world.attempts(id).empty());
    CHECK(fail_until_dead(world, id).size() == 3);
}

TEST_CASE(
    "a job that ends its worker has used an attempt, whether it crashed or ran too long, and the record says which") {
    StoredJobs world;
    for (const auto* code : {"worker_lost", "timed_out"}) {
        auto wanted = world.prepared();
        wanted.job.max_attempts = 1;
        const auto id = world.store(wanted).id;
        const auto settled = world.end(world.claim(id), Failure{Kind::worker_lost, {code, "it ended its worker"}, {}});
        CHECK(states(settled) == "dead");
        CHECK(world.job(id).attempt == 1);
        CHECK(world.attempts(id).at(0).outcome == code);
    }
}

TEST_CASE("a job that ended three workers is dead, however many attempts it has") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.job.max_attempts = 100;
    const auto id = world.store(wanted).id;
    int n = 0;
    for (const char* state : {"scheduled", "scheduled", "dead"}) {
        const auto settled =
            world.end(world.claim(id),
                      Failure{Kind::worker_lost, {n++ == 1 ? "timed_out" : "worker_lost", "it ended its worker"}, {}});
        CHECK(states(settled) == state);
        if (n < 3) CHECK(settled.jobs[0].due > world.now); // not at once: a model that crashes is given time
        world.pass(1min);
    }
    CHECK(world.attempts(id).at(1).outcome == "timed_out");
    CHECK(world.attempts(id).at(2).outcome == "worker_lost");
}

TEST_CASE("workers that it ended count among its attempts, deaths of the daemon do not") {
    StoredJobs world;
    const auto id = world.submit();
    world.fail(world.claim(id), Kind::worker_lost);
    world.claim(id);
    recover_running(world.session, world.rules, world.now);
    CHECK(fail_until_dead(world, id).size() == 2);
    CHECK(world.job(id).attempt == 5);
}

TEST_CASE("what ran when the daemon died waits again, its attempt recorded as lost") {
    StoredJobs world;
    const auto id = world.submit();
    const auto lease = world.claim(id);
    const auto recovered = recover_running(world.session, world.rules, world.now);
    CHECK(recovered.requeued == 1);
    CHECK(recovered.external.empty());
    CHECK(world.state(id) == "queued");
    CHECK(world.attempts(id).at(0).outcome == "lost");
    CHECK(world.succeed(lease).empty()); // whoever ran it
    CHECK(world.claim(id).attempt == 2);
}

TEST_CASE("under a job the daemon dies twenty times at most") {
    StoredJobs world;
    const auto id = world.submit();
    for (int deaths = 1; deaths <= 20; ++deaths) {
        world.claim(id);
        CHECK(recover_running(world.session, world.rules, world.now).requeued == 1);
        CHECK(world.state(id) == (deaths < 20 ? "queued" : "dead"));
    }
    CHECK(world.job(id).error->code == "daemon_lost");
    CHECK(world.number("SELECT sum(jobs) FROM job_totals WHERE state = 'dead'") == 1);
}

TEST_CASE("what an external worker had leased stays leased when the daemon dies") {
    StoredJobs world;
    const auto id = world.submit();
    const auto lease = world.claim(id, 30s);
    const auto recovered = recover_running(world.session, world.rules, world.now);
    CHECK(recovered.requeued == 0);
    REQUIRE(recovered.external.size() == 1);
    CHECK(recovered.external[0].lease.id == id);
    CHECK(recovered.external[0].lease.token == lease.token);
    CHECK(recovered.external[0].external == 30s);
    CHECK(states(world.succeed(recovered.external[0].lease)) == "succeeded");
}
