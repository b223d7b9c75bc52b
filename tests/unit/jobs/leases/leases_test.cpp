// External workers: leases, heartbeats, reports, and what a worker whose lease is over cannot do.
#include "unit/jobs/leases/worked_outside.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

TEST_CASE("a lease token is text and back, and nothing else is one") {
    const LeaseToken token{JobId::make(), -1234567890123456789};
    CHECK(token.text().size() == 48);
    const auto parsed = LeaseToken::parse(token.text());
    REQUIRE(parsed);
    CHECK(parsed->job == token.job);
    CHECK(parsed->token == token.token);
    for (const auto& wrong : {std::string{}, token.text().substr(1), token.text() + "0", std::string(48, 'g'),
                              std::string(47, '0') + "g", std::string(48, '-')})
        CHECK_FALSE(LeaseToken::parse(wrong));
}

TEST_CASE("a worker takes jobs with their payloads, and reports their results") {
    WorkedOutside daemon;
    auto wanted = WorkedOutside::outside();
    wanted.payload = R"({"n":1})";
    const auto id = daemon.submit(wanted);
    daemon.submit(wanted);
    daemon.submit(wanted);
    const auto taken = daemon.take(2);
    REQUIRE(taken.size() == 2);
    CHECK(taken[0].job.id == id);
    CHECK(taken[0].job.payload == R"({"n":1})");
    CHECK(taken[0].job.attempt == 1);
    CHECK(taken[0].job.worker == "w1");
    CHECK(taken[0].lease == 30s);
    CHECK(daemon.snapshot().total.external_leases == 2);
    CHECK(daemon.complete(taken[0].token).has_value());
    CHECK(daemon.find(id).result == "\"from outside\"");
    CHECK(daemon.find(id).worker == "w1");
    CHECK(daemon.take(10).size() == 1);
    CHECK(daemon.take().empty());
}

TEST_CASE("only a queue that is set to it is worked by lease") {
    WorkedOutside daemon;
    daemon.submit();
    auto request = WorkedOutside::request();
    for (const char* name : {"default", "never_heard_of"}) {
        request.queue = name;
        CHECK(daemon.run(daemon.leases->take(daemon.who, request)).error().code == Code::conflict);
    }
}

TEST_CASE("a lease without a heartbeat is over, and the job is tried again by another") {
    WorkedOutside daemon;
    const auto id = daemon.submit(WorkedOutside::outside());
    const auto stale = daemon.take_one();
    daemon.pass(30s);
    CHECK(daemon.state(id) == "scheduled");
    CHECK(daemon.find(id).error->code == "lease_expired");
    daemon.pass(1s + 1us);
    const auto fresh = daemon.take_one();
    CHECK(fresh.job == id);
    CHECK(fresh.token != stale.token);
    CHECK(daemon.complete(stale).error().code == Code::conflict);
    CHECK(daemon.fail(stale).error().code == Code::conflict);
    CHECK(daemon.beat(stale, 99).error().code == Code::conflict);
    CHECK(daemon.find(id).progress_percent == 0);
    CHECK(daemon.complete(fresh).has_value());
    CHECK(daemon.complete(fresh).error().code == Code::conflict); // nor twice
    CHECK(daemon.attempts(id).size() == 1);
    CHECK(daemon.snapshot().total.external_leases == 0);
}

TEST_CASE("heartbeats keep a lease for as long as they come, and carry the progress") {
    WorkedOutside daemon;
    const auto id = daemon.submit(WorkedOutside::outside());
    const auto token = daemon.take_one();
    for (int minute = 0; minute < 20; ++minute) {
        daemon.pass(29s);
        const auto answer = daemon.beat(token, minute);
        REQUIRE(answer.has_value());
        CHECK(answer->lease == 30s);
    }
    CHECK(daemon.state(id) == "running");
    CHECK(daemon.find(id).progress_percent == 19);
    CHECK(daemon.complete(token).has_value());
}

TEST_CASE("a heartbeat does not carry an attempt past its timeout") {
    WorkedOutside daemon;
    auto wanted = WorkedOutside::outside();
    wanted.timeout_seconds = 40;
    const auto id = daemon.submit(wanted);
    const auto token = daemon.take_one();
    daemon.pass(25s);
    CHECK(daemon.beat(token).has_value());
    daemon.pass(15s);
    CHECK(daemon.find(id).error->code == "timed_out");
    CHECK(daemon.beat(token).error().code == Code::conflict);
}

TEST_CASE("a jump of the wall clock ends no lease") {
    WorkedOutside daemon;
    const auto id = daemon.submit(WorkedOutside::outside());
    const auto token = daemon.take_one();
    daemon.clock.set(daemon.clock.now() + 24h);
    daemon.tick();
    CHECK(daemon.state(id) == "running");
    CHECK(daemon.beat(token).has_value());
    CHECK(daemon.complete(token).has_value());
}

TEST_CASE("a worker says whether trying again helps, and when") {
    WorkedOutside daemon;
    const auto retryable = daemon.submit(WorkedOutside::outside());
    CHECK(daemon.fail(daemon.take_one(), true, 90s).has_value());
    CHECK(daemon.find(retryable).run_at - daemon.clock.now() == 90s);
    const auto hopeless = daemon.submit(WorkedOutside::outside());
    CHECK(daemon.fail(daemon.take_one(), false).has_value());
    CHECK(daemon.state(hopeless) == "dead");
    daemon.pass(90s + 1us);
    CHECK(daemon.take_one().job == retryable);
}

TEST_CASE("a report that is written just before its lease is over counts, and the job goes on") {
    WorkedOutside daemon;
    const auto id = daemon.submit(WorkedOutside::outside());
    const auto token = daemon.take_one();
    std::future<Result<void>> reported;
    {
        QueueDaemon::HeldStore held{*daemon.database};
        reported = std::async(std::launch::async, [&] {
            return daemon.run(daemon.leases->fail(daemon.who, token, {"broken", "it broke"}, true, std::nullopt));
        });
        std::this_thread::sleep_for(10ms); // it waits for the store then
        daemon.clock.pass(30s);
        daemon.dispatcher->start(); // a tick: the lease is over
        daemon.snapshot();
        daemon.snapshot();
    }
    CHECK(reported.get().has_value());
    daemon.settle();
    CHECK(daemon.find(id).error->code == "broken");
    CHECK(daemon.dispatcher->backlog() == 1);
    CHECK(daemon.snapshot().total.external_leases == 0);
    daemon.pass(1min);
    CHECK(daemon.complete(daemon.take_one()).has_value());
    CHECK(daemon.state(id) == "succeeded");
}

TEST_CASE("a job that is cancelled takes its lease away") {
    WorkedOutside daemon;
    const auto id = daemon.submit(WorkedOutside::outside());
    const auto token = daemon.take_one();
    CHECK(daemon.run(daemon.jobs->cancel(daemon.who, id)).has_value());
    daemon.settle();
    CHECK(daemon.beat(token).error().code == Code::conflict);
    CHECK(daemon.complete(token).error().code == Code::conflict);
    CHECK(daemon.state(id) == "cancelled");
    CHECK(daemon.snapshot().total.external_leases == 0);
}

TEST_CASE("a worker keeps its lease while the daemon is started again, for as long again") {
    WorkedOutside daemon;
    const auto first = daemon.submit(WorkedOutside::outside());
    const auto token = daemon.take_one();
    const auto second = daemon.submit(WorkedOutside::outside());
    const auto forgotten = daemon.take_one();
    daemon.clock.pass(20s);
    daemon.die();
    CHECK(daemon.snapshot().total.external_leases == 2);
    daemon.pass(20s);
    CHECK(daemon.state(first) == "running");
    CHECK(daemon.beat(token).has_value());
    daemon.pass(10s);
    CHECK(daemon.state(second) == "scheduled"); // nobody spoke for it
    CHECK(daemon.complete(token).has_value());
    CHECK(daemon.complete(forgotten).error().code == Code::conflict);
    CHECK(daemon.find(first).result == "\"from outside\"");
    CHECK(daemon.attempts(first).empty());
}

TEST_CASE("an organisation's lease is worth nothing to another") {
    WorkedOutside daemon;
    daemon.submit(WorkedOutside::outside());
    const auto token = daemon.take_one();
    auto stranger = daemon.who;
    stranger.organization = OrganizationId::make();
    CHECK(daemon.run(daemon.leases->complete(stranger, token, "1")).error().code == Code::conflict);
    CHECK(daemon.run(daemon.leases->heartbeat(stranger, token, 1)).error().code == Code::conflict);
    CHECK(daemon.complete(token).has_value());
}

TEST_CASE("a queue's own concurrency holds for its workers") {
    WorkedOutside daemon;
    values::QueueSettings settings;
    settings.external = true;
    settings.concurrency = 2;
    daemon.set("outside", settings);
    for (int i = 0; i < 4; ++i) daemon.submit(WorkedOutside::outside());
    const auto taken = daemon.take(10);
    CHECK(taken.size() == 2);
    CHECK(daemon.take(10).empty());
    CHECK(daemon.complete(taken[0].token).has_value());
    CHECK(daemon.take(10).size() == 1);
}
