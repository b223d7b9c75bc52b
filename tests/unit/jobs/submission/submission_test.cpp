// What a submit stores: once per unique key, once per Idempotency-Key, with what belongs to it.
#include "jobs/submission/idempotent_request.hpp"
#include "unit/jobs/stored_jobs.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;
using values::JobState;

namespace {

Prepared unique(const StoredJobs& world, const std::string& key,
                std::optional<std::chrono::microseconds> period = std::nullopt) {
    auto wanted = world.prepared();
    wanted.job.unique_key = key;
    wanted.unique = values::Unique{.key = key, .period = period};
    return wanted;
}

} // namespace

TEST_CASE("a job is stored as it was asked for") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.job.tags = R"({"site":"north"})";
    wanted.job.run_at = world.now + 5s;
    wanted.job.state = JobState::scheduled;
    const auto id = world.store(wanted).id;
    const auto job = world.job(id);
    CHECK(job.state == JobState::scheduled);
    CHECK(job.tags == R"({"site":"north"})");
    CHECK(job.run_at == world.now + 5s);
    CHECK(job.attempt == 0);
    CHECK_FALSE(job.started_at);
    CHECK_FALSE(job.error);
}

TEST_CASE("rows that belong to a job are written with it, and with no duplicate") {
    StoredJobs world;
    int written = 0;
    for (int i = 0; i < 3; ++i) {
        auto wanted = unique(world, "only");
        wanted.effects.push_back([&](store::OrganizationSession&) { ++written; });
        CHECK(world.store(wanted).duplicate == (i > 0));
    }
    CHECK(written == 1);
}

TEST_CASE("a job that begins as it is submitted is stored as running, under its token") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.begin_with = 77;
    const auto stored = world.store(wanted);
    CHECK(world.state(stored.id) == "running");
    CHECK_FALSE(world.try_claim(stored.id));
    auto tenant = world.tenant();
    const auto lease = attempt_repository::find(tenant, stored.id, 77);
    REQUIRE(lease);
    CHECK(lease->attempt == 1);
    CHECK(states(world.fail(*lease)) == "scheduled");
    CHECK(world.claim(stored.id).attempt == 2);
}

TEST_CASE("while a job with a unique key waits or runs, another is a duplicate of it") {
    StoredJobs world;
    const auto first = world.store(unique(world, "only")).id;
    const auto second = world.store(unique(world, "only"));
    CHECK(second.duplicate);
    CHECK(second.id == first);
    const auto lease = world.claim(first);
    CHECK(world.store(unique(world, "only")).duplicate);
    world.fail(lease); // scheduled
    CHECK(world.store(unique(world, "only")).duplicate);
    CHECK_FALSE(world.store(unique(world, "other")).duplicate);
    CHECK(world.number("SELECT count(*) FROM jobs") == 2);
}

TEST_CASE("once it has ended another may be made, and then that one counts") {
    StoredJobs world;
    const auto first = world.store(unique(world, "only")).id;
    world.run(first);
    const auto second = world.store(unique(world, "only"));
    CHECK_FALSE(second.duplicate);
    CHECK(world.store(unique(world, "only")).id == second.id);
}

TEST_CASE("a unique key may hold over states that have ended") {
    StoredJobs world;
    const auto first = world.store(unique(world, "only")).id;
    world.run(first);
    auto wanted = unique(world, "only");
    wanted.unique->states = {JobState::succeeded};
    const auto again = world.store(wanted);
    CHECK(again.duplicate);
    CHECK(again.id == first);
    CHECK(again.state == JobState::succeeded);
    wanted.unique->states = {JobState::dead};
    CHECK_FALSE(world.store(wanted).duplicate);
}

TEST_CASE("a unique key may hold for a period") {
    StoredJobs world;
    const auto first = world.store(unique(world, "only", 60s)).id;
    world.pass(59s);
    CHECK(world.store(unique(world, "only", 60s)).id == first);
    world.pass(1s);
    CHECK_FALSE(world.store(unique(world, "only", 60s)).duplicate); // although the first still waits
}

TEST_CASE("unique keys of two organisations have nothing to do with each other") {
    StoredJobs world;
    world.store(unique(world, "only"));
    world.organization = OrganizationId::make();
    CHECK_FALSE(world.store(unique(world, "only")).duplicate);
}

TEST_CASE("an old unique key is forgotten unless its job has not ended") {
    StoredJobs world;
    const auto ended = world.store(unique(world, "ended")).id;
    world.store(unique(world, "waiting"));
    world.run(ended);
    world.pass(24h * 40);
    job_repository::forget_unique(world.session, world.now, 100);
    CHECK(world.number("SELECT count(*) FROM unique_keys") == 1);
    CHECK(job_repository::forget_unique(world.session, world.now, 100) == 0); // not passed over anew
    CHECK(world.store(unique(world, "waiting")).duplicate);
    CHECK_FALSE(world.store(unique(world, "ended")).duplicate);
}

TEST_CASE("the answer to a request is kept by its scope and key, and forgotten after its time") {
    StoredJobs world;
    auto tenant = world.tenant();
    job_repository::remember_request(tenant, "POST /api/v1/jobs", "k", {"digest", "the body", 202}, world.now);
    const auto kept = job_repository::find_request(tenant, "POST /api/v1/jobs", "", "k");
    REQUIRE(kept);
    CHECK(kept->payload_sha256 == "digest");
    CHECK(kept->body == "the body");
    CHECK(kept->status == 202);
    CHECK_FALSE(job_repository::find_request(tenant, "POST /api/v1/flows", "", "k"));
    CHECK_FALSE(job_repository::find_request(tenant, "POST /api/v1/jobs", "", "other"));
    store::OrganizationSession other{world.session, OrganizationId::make()};
    CHECK_FALSE(job_repository::find_request(other, "POST /api/v1/jobs", "", "k"));
    job_repository::forget_requests(world.session, world.now, 100);
    CHECK(job_repository::find_request(tenant, "POST /api/v1/jobs", "", "k"));
    job_repository::forget_requests(world.session, world.now + 1us, 100);
    CHECK_FALSE(job_repository::find_request(tenant, "POST /api/v1/jobs", "", "k"));
}

TEST_CASE("what is forgotten is forgotten in pieces, the oldest first") {
    StoredJobs world;
    auto tenant = world.tenant();
    for (int i = 0; i < 25; ++i) {
        job_repository::remember_request(tenant, "POST /api/v1/jobs", std::to_string(i), {"digest", "", 202},
                                         world.now);
        world.run(world.store(unique(world, std::to_string(i))).id);
        world.pass(1s);
    }
    CHECK(job_repository::forget_requests(world.session, world.now, 10) == 10);
    CHECK_FALSE(job_repository::find_request(tenant, "POST /api/v1/jobs", "", "9"));
    CHECK(job_repository::find_request(tenant, "POST /api/v1/jobs", "", "10"));
    CHECK(job_repository::forget_requests(world.session, world.now, 10) == 10);
    CHECK(job_repository::forget_requests(world.session, world.now, 10) == 5);
    world.pass(24h * 31);
    CHECK(job_repository::forget_unique(world.session, world.now, 20) == 20);
    CHECK(job_repository::forget_unique(world.session, world.now, 20) == 5);
}

TEST_CASE("a unique key is kept for the whole period that was asked for with it") {
    StoredJobs world;
    const auto year = [&] {
        auto wanted = unique(world, "only", 24h * 366);
        wanted.unique->states = {values::JobState::succeeded};
        return wanted;
    };
    const auto first = world.store(year()).id;
    world.run(first);
    world.pass(24h * 365);
    job_repository::forget_unique(world.session, world.now, 100);
    CHECK(world.store(year()).duplicate);
    world.pass(24h * 2);
    CHECK_FALSE(world.store(year()).duplicate);
}

TEST_CASE("an Idempotency-Key belongs to the key that sent it") {
    StoredJobs world;
    auto tenant = world.tenant();
    const ActorId mine = ActorId::make(), others = ActorId::make();
    const auto request = [](ActorId sender, std::string payload = "digest") {
        return std::optional{IdempotentRequest{"frame-1", std::move(payload), "POST /api/v1/jobs", sender}};
    };
    remember_answer(tenant, request(mine), "mine", 202, world.now);
    CHECK(earlier_answer(tenant, request(mine)).value()->body == "mine");
    CHECK_FALSE(earlier_answer(tenant, request(others)).value());
    CHECK_FALSE(earlier_answer(tenant, request(others, "another")).value());
    CHECK_FALSE(earlier_answer(tenant, request({})).value());
    CHECK(earlier_answer(tenant, request(mine, "another")).error().code == Code::unprocessable);
    remember_answer(tenant, request(others), "others'", 202, world.now);
    CHECK(earlier_answer(tenant, request(others)).value()->body == "others'");
    CHECK(earlier_answer(tenant, request(mine)).value()->body == "mine");
    // From before an update.
    job_repository::remember_request(tenant, "POST /api/v1/jobs", "old", {"digest", "before", 202}, world.now);
    CHECK(earlier_answer(tenant, IdempotentRequest{"old", "digest", "POST /api/v1/jobs", mine}).value()->body ==
          "before");
}
