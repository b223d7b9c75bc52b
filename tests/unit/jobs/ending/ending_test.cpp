// How an attempt ends, in the store: results, retries, dead letters, and what a stale lease cannot do.
#include "jobs/ending/total_repository.hpp"
#include "unit/jobs/stored_jobs.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;
using Kind = Failure::Kind;

TEST_CASE("a success moves the job to the history with its result") {
    StoredJobs world;
    const auto id = world.submit();
    const auto lease = world.claim(id);
    world.pass(2s);
    const auto settled = world.succeed(lease);
    REQUIRE(settled.jobs.size() == 1);
    CHECK(settled.jobs[0].from == values::JobState::running);
    CHECK(settled.jobs[0].to == values::JobState::succeeded);
    CHECK(settled.jobs[0].run_us == 2'000'000);
    const auto job = world.job(id);
    CHECK(values::name(job.state) == "succeeded");
    CHECK(job.result == R"({"done":true})");
    CHECK(job.progress_percent == 100);
    CHECK(job.attempt == 1);
    CHECK(job.finished_at == world.now);
    CHECK(world.attempts(id).empty()); // only what went wrong is listed apart
    CHECK(world.number("SELECT count(*) FROM jobs") == 0);
}

TEST_CASE("everything that a job was submitted with is in the history") {
    StoredJobs world;
    auto wanted = world.prepared();
    auto& asked = wanted.job;
    asked.kind = "k";
    asked.queue = "q";
    asked.resource = "r";
    asked.payload = R"({"a":1})";
    asked.tags = R"({"t":"u"})";
    asked.priority = 8;
    asked.max_attempts = 7;
    asked.timeout_seconds = 12.5;
    asked.unique_key = "only";
    asked.created_by = ActorId::make();
    asked.retry.emplace().backoff = values::RetryPolicy::Backoff::fixed;
    asked.deadline_at = world.now + 1h;
    asked.expires_at = world.now + 30min;
    const auto before = asked;
    for (const bool by_cancel : {false, true}) {
        auto again = wanted;
        again.job.id = JobId::make();
        const auto id = world.store(again).id;
        if (by_cancel) world.cancel(id);
        else world.run(id);
        const auto after = world.job(id);
        CHECK(after.kind == before.kind);
        CHECK(after.queue == before.queue);
        CHECK(after.resource == before.resource);
        CHECK(after.payload == before.payload);
        CHECK(after.tags == before.tags);
        CHECK(after.priority == before.priority);
        CHECK(after.max_attempts == before.max_attempts);
        CHECK(after.timeout_seconds == before.timeout_seconds);
        CHECK(after.unique_key == before.unique_key);
        CHECK(after.created_by == before.created_by);
        CHECK(after.created_at == before.created_at);
        CHECK(after.run_at == before.run_at);
        CHECK(after.deadline_at == before.deadline_at);
        CHECK(after.expires_at == before.expires_at);
        REQUIRE(after.retry);
        CHECK(after.retry->backoff == values::RetryPolicy::Backoff::fixed);
    }
}

TEST_CASE("effects are written with the result, and with no other end") {
    StoredJobs world;
    int written = 0;
    const Outcome success = Success{"1", {[&](store::OrganizationSession&) { ++written; }}};
    const auto lease = world.claim(world.submit());
    world.cancel(lease.id);
    CHECK(world.end(lease, success).empty()); // too late
    CHECK(written == 0);
    world.end(world.claim(world.submit()), success);
    CHECK(written == 1);
}

TEST_CASE("a stale lease writes nothing, whatever it tries") {
    StoredJobs world;
    const auto id = world.submit();
    auto stale = world.claim(id);
    world.fail(stale); // it is tried again by another
    world.pass(1h);
    const auto fresh = world.claim(id);
    const auto before = world.job(id);
    const auto changes = world.transaction.changed_rows();
    CHECK(world.end(stale, Success{"\"late\"", {}}).empty());
    for (const auto kind : {Kind::retryable, Kind::permanent, Kind::worker_lost, Kind::spared})
        CHECK(world.end(stale, Failure{kind, {"late", "late"}, {}}).empty());
    attempt_repository::release(world.session, id, stale.token);
    auto tenant = world.tenant();
    CHECK_FALSE(attempt_repository::heartbeat(tenant, id, stale.token, 99));
    CHECK_FALSE(attempt_repository::find(tenant, id, stale.token));
    CHECK(world.transaction.changed_rows() == changes);
    CHECK(world.job(id).progress_percent == before.progress_percent);
    CHECK(states(world.succeed(fresh)) == "succeeded");
    CHECK(world.succeed(fresh).empty()); // nor is anything ended twice
    CHECK(world.attempts(id).size() == 1);
}

TEST_CASE("a lease of one organisation is nothing in another") {
    StoredJobs world;
    const auto lease = world.claim(world.submit());
    store::OrganizationSession other{world.session, OrganizationId::make()};
    CHECK_FALSE(attempt_repository::find(other, lease.id, lease.token));
    CHECK_FALSE(attempt_repository::heartbeat(other, lease.id, lease.token, 50));
    CHECK(attempt_repository::lease_length(other, lease.id) == 0ms);
}

TEST_CASE("what ended while it ran has no lease any more") {
    StoredJobs world;
    const auto lease = world.claim(world.submit());
    const auto settled = world.cancel(lease.id);
    REQUIRE(settled.jobs.size() == 1);
    CHECK(settled.jobs[0].from == values::JobState::running);
    CHECK(world.succeed(lease).empty());
    CHECK(world.fail(lease).empty());
    CHECK(world.state(lease.id) == "cancelled");
    CHECK(world.cancel(lease.id).empty());
}

TEST_CASE("a waiting job is claimed once") {
    StoredJobs world;
    const auto id = world.submit();
    const auto lease = world.claim(id, 45s);
    CHECK(lease.attempt == 1);
    CHECK_FALSE(world.try_claim(id));
    auto tenant = world.tenant();
    CHECK(attempt_repository::lease_length(tenant, id) == 45s);
    const auto found = attempt_repository::find(tenant, id, lease.token);
    REQUIRE(found);
    CHECK(found->attempt == 1);
    CHECK(found->worker == "a worker");
    CHECK(attempt_repository::heartbeat(tenant, id, lease.token, 40));
    CHECK(attempt_repository::heartbeat(tenant, id, lease.token, std::nullopt));
    CHECK(world.job(id).progress_percent == 40);
}

TEST_CASE("an attempt that was given back unused does not count") {
    StoredJobs world;
    const auto id = world.submit();
    attempt_repository::release(world.session, id, world.claim(id).token);
    CHECK(world.state(id) == "queued");
    CHECK(world.job(id).attempt == 0);
    CHECK(world.claim(id).attempt == 1);
}

TEST_CASE("ends are counted by organisation, queue, kind and state, with the time of their attempts") {
    StoredJobs world;
    for (int i = 0; i < 3; ++i) {
        const auto lease = world.claim(world.submit());
        world.pass(2s);
        world.succeed(lease);
    }
    world.die(world.submit());
    world.fail(world.claim(world.submit())); // will be tried again
    std::vector<total_repository::Total> totals;
    total_repository::each(world.session, [&](const total_repository::Total& total) { totals.push_back(total); });
    REQUIRE(totals.size() == 2);
    for (const auto& total : totals) {
        CHECK(total.organization == world.organization);
        CHECK(total.queue == "default");
        CHECK(total.kind == "echo");
        CHECK(total.jobs == (total.state == values::JobState::succeeded ? 3 : 1));
        CHECK(total.run_us == (total.state == values::JobState::succeeded ? 6'000'000 : 0));
    }
}
