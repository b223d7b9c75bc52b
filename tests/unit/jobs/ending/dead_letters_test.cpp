// Dead letters: kept, found by filter, replayed in part or in all, at a rate, with another payload, and purged.
#include "unit/jobs/queue_daemon.hpp"

#include "jobs/flows/dependency_repository.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

struct Morgue : QueueDaemon {
    Morgue() {
        values::QueueSettings settings;
        settings.breaker = false;
        for (const char* queue : {"default", "other"}) set(queue, settings);
    }
    JobId bury(std::string queue = "default", std::string code = "broken", json::object tags = {}) {
        auto wanted = job(std::move(queue));
        wanted.max_attempts = 1;
        wanted.tags = std::move(tags);
        const auto id = submit(std::move(wanted));
        finish(id, failure(std::move(code)));
        clock.pass(1s);
        return id;
    }
    std::vector<JobId> list(DeadFilter filter = {}) {
        std::vector<JobId> ids;
        for (const auto& dead : run(dead_letters->list(who.organization, std::move(filter))).value().items)
            ids.push_back(dead.id);
        return ids;
    }
    std::size_t count(DeadFilter filter = {}) {
        return run(dead_letters->count(who.organization, std::move(filter))).value();
    }
    Result<std::size_t> replay(Replay wanted) {
        auto done = run(dead_letters->replay(who, std::move(wanted)));
        settle();
        return done;
    }
};

} // namespace

TEST_CASE("a dead letter keeps what it was, where it came from and why it died") {
    Morgue morgue;
    const auto id = morgue.bury("default", "no_paper", {{"site", "north"}});
    const auto all = morgue.run(morgue.dead_letters->list(morgue.who.organization, {})).value().items;
    REQUIRE(all.size() == 1);
    CHECK(all[0].id == id);
    CHECK(all[0].error->code == "no_paper");
    CHECK(all[0].tags == R"({"site":"north"})");
    CHECK(all[0].queue == "default");
    REQUIRE(morgue.events().size() == 1);
    CHECK(morgue.events()[0].type == "job.dead");
}

TEST_CASE("dead letters are found by each of their properties") {
    Morgue morgue;
    const auto first = morgue.bury("default", "broken", {{"site", "north"}});
    const auto middle = morgue.clock.now();
    const auto second = morgue.bury("other", "broken", {{"site", "south"}});
    const auto third = morgue.bury("other", "no_paper");
    morgue.finish(morgue.submit()); // what succeeded is none
    using Ids = std::vector<JobId>;
    const auto with = [](auto set) {
        DeadFilter filter;
        set(filter);
        return filter;
    };
    CHECK(morgue.list() == Ids{third, second, first});
    CHECK(morgue.list(with([](auto& f) { f.queue = "other"; })) == Ids{third, second});
    CHECK(morgue.list(with([](auto& f) { f.error_code = "broken"; })) == Ids{second, first});
    CHECK(morgue.list(with([](auto& f) { f.kind = "puppet"; })) == Ids{third, second, first});
    CHECK(morgue.list(with([](auto& f) { f.kind = "echo"; })).empty());
    CHECK(morgue.list(with([](auto& f) { f.tag = {"site", "south"}; })) == Ids{second});
    CHECK(morgue.list(with([&](auto& f) { f.died_after = middle; })) == Ids{third, second});
    CHECK(morgue.list(with([&](auto& f) { f.died_before = middle; })) == Ids{first});
    CHECK(morgue.list(with([&](auto& f) { f.ids = {first, third}; })) == Ids{third, first});
    CHECK(morgue.list(with([&](auto& f) { f.before = second; })) == Ids{first});
    CHECK(morgue.list(with([&](auto& f) { f.limit = 2; })) == Ids{third, second});
    CHECK(morgue.list(with([](auto& f) { f.queue = "other", f.error_code = "broken"; })) == Ids{second});
    CHECK(morgue.count(with([](auto& f) { f.queue = "other"; })) == 2);
    CHECK(morgue.count() == 3);
}

TEST_CASE("a replay by filter runs those again and no others, as many as were counted before") {
    Morgue morgue;
    const auto first = morgue.bury("default"), second = morgue.bury("other");
    Replay wanted;
    wanted.filter.queue = "other";
    CHECK(morgue.count(wanted.filter) == 1);
    CHECK(morgue.state(second) == "dead"); // counting changed nothing
    CHECK(morgue.replay(wanted).value() == 1);
    CHECK(morgue.state(second) == "running");
    CHECK(morgue.state(first) == "dead");
    CHECK(morgue.finish(second));
    CHECK(morgue.replay(wanted).value() == 0);
}

TEST_CASE("a replay at a rate spreads the jobs over time") {
    Morgue morgue;
    for (int i = 0; i < 5; ++i) morgue.bury();
    Replay wanted;
    wanted.rate_per_second = 2;
    CHECK(morgue.replay(wanted).value() == 5);
    CHECK(morgue.puppet.running().size() == 1);
    for (std::size_t i = 2; i <= 5; ++i) {
        morgue.pass(499ms);
        CHECK(morgue.puppet.running().size() == i - 1);
        morgue.pass(1ms);
        CHECK(morgue.puppet.running().size() == i);
    }
}

TEST_CASE("a replay may give another payload, which is checked") {
    Morgue morgue;
    const auto id = morgue.bury();
    Replay wanted;
    wanted.payload = R"({"bad":true})";
    CHECK(morgue.replay(wanted).error().code == Code::unprocessable);
    CHECK(morgue.state(id) == "dead");
    wanted.payload = R"({"fixed":true})";
    CHECK(morgue.replay(wanted).value() == 1);
    CHECK(morgue.puppet.running().at(0).payload == R"({"fixed":true})");
}

TEST_CASE("what dies again during a replay is not replayed twice") {
    Morgue morgue;
    const auto id = morgue.bury();
    CHECK(morgue.replay({}).value() == 1);
    morgue.clock.pass(1s);
    morgue.finish(id, failure("bad", Failure::Kind::permanent));
    CHECK(morgue.state(id) == "dead");
    CHECK(morgue.attempts(id).size() == 2);
}

TEST_CASE("more dead letters than one transaction takes are all replayed, and all purged") {
    for (const bool purge : {false, true}) {
        Morgue morgue;
        morgue.pause();
        const auto inserted = morgue.database->write_blocking([&](store::SystemSession& session) -> Result<void> {
            for (int i = 0; i < 1203; ++i)
                session.execute("INSERT INTO finished_jobs (id, organization_id, created_by, kind, queue, resource, "
                                "state, priority, payload, tags, attempt, max_attempts, "
                                "timeout_us, created_at, run_at, finished_at) VALUES ($1, $2, '', 'puppet', 'default', "
                                "'', 'dead', 5, '{}', '{}', 4, 4, 1000000, 1, 1, 1)",
                                {JobId::make(), morgue.who.organization});
            return success();
        });
        REQUIRE(inserted.has_value());
        const auto done = purge ? morgue.run(morgue.dead_letters->purge(morgue.who, {})) : morgue.replay({});
        CHECK(done.value() == 1203);
        CHECK(morgue.count() == 0);
        morgue.settle();
        CHECK(morgue.dispatcher->backlog() == (purge ? 0 : 1203));
    }
}

TEST_CASE("a purge by tag takes the tag as it is written, letter by letter") {
    Morgue morgue;
    const auto large = morgue.bury("default", "broken", {{"customer", "ABC"}});
    morgue.bury("default", "broken", {{"customer", "abc"}});
    DeadFilter filter;
    filter.tag = {"customer", "abc"};
    CHECK(morgue.run(morgue.dead_letters->purge(morgue.who, filter)).value() == 1);
    CHECK(morgue.list() == std::vector<JobId>{large});
}

TEST_CASE("a purge deletes what the filter says, with all that belonged to it, and nothing that lives") {
    Morgue morgue;
    morgue.bury("default");
    const auto kept = morgue.bury("other");
    const auto alive = morgue.submit();
    DeadFilter filter;
    filter.queue = "default";
    CHECK(morgue.run(morgue.dead_letters->purge(morgue.who, filter)).value() == 1);
    CHECK(morgue.list() == std::vector<JobId>{kept});
    CHECK(morgue.number("SELECT count(*) FROM job_attempts") == 1);
    CHECK(morgue.state(alive) == "running");
}

TEST_CASE("one organisation's dead letters are not another's") {
    Morgue morgue;
    const auto id = morgue.bury();
    auto stranger = morgue.who;
    stranger.organization = OrganizationId::make();
    CHECK(morgue.run(morgue.dead_letters->count(stranger.organization, {})).value() == 0);
    CHECK(morgue.run(morgue.dead_letters->replay(stranger, {})).value() == 0);
    CHECK(morgue.run(morgue.dead_letters->purge(stranger, {})).value() == 0);
    CHECK(morgue.state(id) == "dead");
}

TEST_CASE("one dead job is run again by its id; what has not died is not") {
    Morgue morgue;
    const auto id = morgue.bury();
    CHECK(morgue.run(morgue.jobs->retry(morgue.who, id, std::nullopt)).has_value());
    morgue.settle();
    CHECK(morgue.state(id) == "running");
    CHECK(morgue.run(morgue.jobs->retry(morgue.who, id, std::nullopt)).error().code == Code::conflict);
    CHECK(morgue.run(morgue.jobs->retry(morgue.who, JobId::make(), std::nullopt)).error().code == Code::not_found);
    morgue.finish(id);
    CHECK(morgue.run(morgue.jobs->retry(morgue.who, id, std::nullopt)).error().code == Code::conflict);
    const auto other = morgue.bury();
    CHECK(morgue.run(morgue.jobs->retry(morgue.who, other, R"({"bad":1})")).error().code == Code::unprocessable);
}
