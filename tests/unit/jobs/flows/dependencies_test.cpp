// What waits for what: releases, failed parents, chains, fans, and the counts of flows.
#include "jobs/flows/flow_repository.hpp"
#include "unit/jobs/stored_jobs.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using namespace std::chrono_literals;
using values::OnFailure;

TEST_CASE("a job waits for its parent, and is ready when that has succeeded") {
    StoredJobs world;
    const auto parent = world.submit();
    const auto child = world.submit_after({{parent, OnFailure::fail}});
    CHECK(world.state(child) == "blocked");
    CHECK_FALSE(world.try_claim(child));
    world.pass(5s);
    const auto settled = world.run(parent);
    CHECK(states(settled) == "succeeded queued");
    CHECK(settled.jobs[1].id == child);
    CHECK(settled.jobs[1].from == values::JobState::blocked);
    CHECK(settled.jobs[1].due == world.now);
    CHECK(world.job(child).run_at == world.now); // memory and store know it by the same time
    CHECK(states(world.run(child)) == "succeeded");
}

TEST_CASE("a job with several parents waits for the last of them") {
    StoredJobs world;
    std::vector<values::Dependency> parents;
    for (int i = 0; i < 20; ++i) parents.push_back({world.submit(), OnFailure::fail});
    const auto child = world.submit_after(parents);
    CHECK(world.job(child).blocked_by == 20);
    for (int i = 0; i < 19; ++i) CHECK(states(world.run(parents[static_cast<std::size_t>(i)].parent)) == "succeeded");
    CHECK(world.state(child) == "blocked");
    CHECK(states(world.run(parents[19].parent)) == "succeeded queued");
}

TEST_CASE("a parent that will be tried again releases nobody") {
    StoredJobs world;
    const auto parent = world.submit();
    const auto child = world.submit_after({{parent, OnFailure::ignore}});
    CHECK(states(world.fail(world.claim(parent))) == "scheduled");
    CHECK(world.state(child) == "blocked");
}

TEST_CASE("what becomes of a child whose parent failed is its own choice") {
    for (const bool cancelled : {false, true}) {
        StoredJobs world;
        const auto parent = world.submit();
        const auto fails = world.submit_after({{parent, OnFailure::fail}});
        const auto ignores = world.submit_after({{parent, OnFailure::ignore}});
        const auto waits = world.submit_after({{parent, OnFailure::wait}});
        if (cancelled) world.cancel(parent);
        else world.die(parent);
        CHECK(world.state(fails) == "dead");
        CHECK(world.job(fails).error->code == "dependency_failed");
        CHECK(world.job(fails).error->message.find(parent.text()) != std::string::npos);
        CHECK(world.state(ignores) == "queued");
        CHECK(world.state(waits) == "blocked");
    }
}

TEST_CASE("a child that keeps waiting goes on when its parent is replayed and succeeds") {
    StoredJobs world;
    const auto parent = world.submit();
    const auto child = world.submit_after({{parent, OnFailure::wait}});
    world.die(parent);
    auto tenant = world.tenant();
    REQUIRE(replay_job(tenant, parent, world.now, std::nullopt, world.now).has_value());
    CHECK(states(world.run(parent)) == "succeeded queued");
    CHECK(world.state(child) == "queued");
}

TEST_CASE("a chain of any length fails to its end, a bounded part in each transaction") {
    StoredJobs world;
    std::vector<JobId> chain{world.submit()};
    for (int i = 0; i < 500; ++i) chain.push_back(world.submit_after({{chain.back(), OnFailure::fail}}));
    auto settled = world.die(chain.front());
    int turns = 0;
    for (auto next = settled; next.more; ++turns) {
        CHECK(next.jobs.size() <= 501);
        next = settle_more(world.session, world.now);
        settled.jobs.insert(settled.jobs.end(), next.jobs.begin(), next.jobs.end());
    }
    CHECK(turns >= 1);
    CHECK(settled.jobs.size() == 501);
    for (const auto& moved : settled.jobs) CHECK(moved.to == values::JobState::dead);
    CHECK(world.number("SELECT count(*) FROM jobs") == 0);
    CHECK(world.number("SELECT jobs FROM job_totals WHERE state = 'dead'") == 501);
    CHECK(world.events().size() == 501);
}

TEST_CASE("a failure stops where a link of the chain ignores it") {
    StoredJobs world;
    const auto first = world.submit();
    const auto second = world.submit_after({{first, OnFailure::fail}});
    const auto third = world.submit_after({{second, OnFailure::ignore}});
    const auto fourth = world.submit_after({{third, OnFailure::fail}});
    CHECK(states(world.die(first)) == "dead dead queued");
    CHECK(world.state(third) == "queued");
    CHECK(world.state(fourth) == "blocked");
}

TEST_CASE("in a diamond the last job is released once, and ended once") {
    for (const bool fails : {false, true}) {
        StoredJobs world;
        const auto top = world.submit();
        const auto left = world.submit_after({{top, OnFailure::fail}});
        const auto right = world.submit_after({{top, OnFailure::fail}});
        const auto bottom = world.submit_after({{left, OnFailure::fail}, {right, OnFailure::fail}});
        if (fails) {
            CHECK(states(world.die(top)) == "dead dead dead dead");
            CHECK(world.number("SELECT count(*) FROM finished_jobs") == 4);
        } else {
            CHECK(states(world.run(top)) == "succeeded queued queued");
            CHECK(states(world.run(right)) == "succeeded");
            CHECK(states(world.run(left)) == "succeeded queued");
            CHECK(world.state(bottom) == "queued");
        }
    }
}

TEST_CASE("a job that is due later is scheduled, not queued, when its parents have ended") {
    StoredJobs world;
    const auto parent = world.submit();
    auto wanted = world.prepared();
    wanted.job.run_at = world.now + 1h;
    wanted.depends_on = {{parent, OnFailure::fail}};
    const auto child = world.store(wanted).id;
    const auto settled = world.run(parent);
    CHECK(states(settled) == "succeeded scheduled");
    CHECK(settled.jobs[1].due == world.now + 1h);
    CHECK(world.state(child) == "scheduled");
}

TEST_CASE("a child that was cancelled is not released by its parent") {
    StoredJobs world;
    const auto parent = world.submit();
    const auto child = world.submit_after({{parent, OnFailure::fail}});
    world.cancel(child);
    CHECK(states(world.run(parent)) == "succeeded");
    CHECK(world.state(child) == "cancelled");
}

TEST_CASE("a job whose parents have all succeeded before waits for nothing") {
    StoredJobs world;
    const auto parent = world.submit();
    world.run(parent);
    auto wanted = world.prepared();
    wanted.depends_on = {{parent, OnFailure::fail}};
    CHECK(values::name(world.store(wanted).state) == "queued");
}

TEST_CASE("a parent that had failed before counts as its child says") {
    StoredJobs world;
    const auto parent = world.submit();
    world.die(parent);
    for (const auto& [policy, state] : {std::pair{OnFailure::fail, "dead"}, std::pair{OnFailure::ignore, "queued"},
                                        std::pair{OnFailure::wait, "blocked"}}) {
        auto wanted = world.prepared();
        wanted.depends_on = {{parent, policy}};
        const auto stored = world.store(wanted);
        CHECK(values::name(stored.state) == state);
        CHECK(world.state(stored.id) == state);
    }
    CHECK(world.events().size() == 2); // the parent and the first child
}

TEST_CASE("a job cannot wait for one that does not exist, nor for one of another organisation") {
    StoredJobs world;
    auto wanted = world.prepared();
    wanted.depends_on = {{JobId::make(), OnFailure::fail}};
    const auto refused = world.try_store(wanted);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unprocessable);
    const auto elsewhere = world.submit();
    world.organization = OrganizationId::make();
    auto other = world.prepared();
    other.depends_on = {{elsewhere, OnFailure::fail}};
    CHECK_FALSE(world.try_store(other).has_value());
    CHECK(world.number("SELECT count(*) FROM jobs") == 1);
}

TEST_CASE("a flow counts its jobs as they end, and its callback is none of them") {
    StoredJobs world;
    auto tenant = world.tenant();
    Flow flow{FlowId::make(), "f", world.now, {}, {}, 3, 0, 0};
    flow_repository::insert(tenant, flow, {});
    std::vector<JobId> steps;
    std::vector<values::Dependency> all;
    for (const char* ref : {"a", "b", "c"}) {
        auto wanted = world.prepared();
        wanted.job.flow = flow.id;
        wanted.job.flow_ref = ref;
        steps.push_back(world.store(wanted).id);
        all.push_back({steps.back(), OnFailure::ignore});
    }
    auto last = world.prepared();
    last.job.flow = flow.id;
    last.depends_on = all;
    const auto callback = world.store(last).id;
    const auto now = [&] { return *flow_repository::find(tenant, flow.id); };
    world.run(steps[0]);
    world.fail(world.claim(steps[1]));
    CHECK(now().succeeded == 1);
    CHECK(now().failed == 0);
    world.cancel(steps[1]);
    CHECK(now().failed == 1);
    CHECK_FALSE(now().finished_at);
    CHECK(states(world.die(steps[2])) == "dead queued");
    CHECK(now().failed == 2);
    CHECK(now().finished_at == world.now);
    world.run(callback);
    CHECK(now().succeeded == 1);
    REQUIRE(replay_job(tenant, steps[2], world.now, std::nullopt, world.now).has_value());
    CHECK(now().failed == 1);
    CHECK_FALSE(now().finished_at);
    world.run(steps[2]);
    CHECK(now().succeeded == 2);
    CHECK(now().finished_at == world.now);
}

// ── a retry is a submission ──

namespace {

struct Retried {
    OnFailure edge;
    const char* parent; // what has become of it when the child is retried
    const char* child;  // what the child is then; empty: it is refused
};

} // namespace

TEST_CASE("a job that is retried waits for what it depends on as one that is submitted does") {
    for (const Retried& each :
         {Retried{OnFailure::fail, "queued", "blocked"}, Retried{OnFailure::fail, "running", "blocked"},
          Retried{OnFailure::fail, "succeeded", "queued"}, Retried{OnFailure::fail, "dead", ""},
          Retried{OnFailure::ignore, "dead", "queued"}, Retried{OnFailure::ignore, "queued", "blocked"},
          Retried{OnFailure::wait, "dead", "blocked"}, Retried{OnFailure::wait, "succeeded", "queued"},
          Retried{OnFailure::fail, "gone", "queued"}}) {
        CAPTURE(values::name(each.edge));
        CAPTURE(std::string{each.parent});
        StoredJobs world;
        const auto parent = world.submit();
        const auto child = world.submit_after({{parent, each.edge}});
        world.cancel(child);
        const std::string of_parent = each.parent;
        if (of_parent == "running") world.claim(parent);
        if (of_parent == "succeeded" || of_parent == "gone") world.run(parent);
        if (of_parent == "dead") world.die(parent);
        if (of_parent == "gone") world.session.execute("DELETE FROM finished_jobs WHERE id = $1", {parent});
        auto tenant = world.tenant();
        const auto moved = replay_job(tenant, child, world.now, std::nullopt, world.now);
        CHECK(moved.has_value() == !std::string{each.child}.empty());
        if (!moved) CHECK(moved.error().failed_parent == parent);
        if (!moved) continue;
        CHECK(world.state(child) == each.child);
        CHECK(values::name(moved->to) == each.child);
        // What was submitted with the same edge now is the same.
        if (of_parent != "gone") CHECK(world.state(world.submit_after({{parent, each.edge}})) == each.child);
        if (of_parent == "queued") CHECK(states(world.run(parent)).starts_with("succeeded queued"));
        if (of_parent == "queued") CHECK(world.state(child) == "queued");
    }
}
