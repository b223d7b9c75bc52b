// expires_at and deadline_at under the dispatcher: every wait with a limit ends.
#include "unit/jobs/queue_daemon.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

TEST_CASE("a job that could not begin in time is expired, although its queue is paused") {
    for (const bool by_deadline : {false, true}) {
        QueueDaemon daemon;
        daemon.pause();
        auto wanted = QueueDaemon::job();
        (by_deadline ? wanted.deadline_at : wanted.expires_at) = daemon.clock.now() + 1min;
        const auto id = daemon.submit(wanted);
        daemon.pass(59s);
        CHECK(daemon.state(id) == "queued");
        daemon.pass(1s);
        CHECK(daemon.state(id) == "expired");
        CHECK(daemon.dispatcher->backlog() == 0);
        daemon.resume();
        CHECK(daemon.puppet.running().empty());
    }
}

TEST_CASE("a limit is kept over a restart, and noticed when the clock jumps over it") {
    QueueDaemon daemon;
    daemon.pause();
    auto wanted = QueueDaemon::job();
    wanted.expires_at = daemon.clock.now() + 1h;
    const auto first = daemon.submit(wanted), second = daemon.submit(wanted);
    daemon.die();
    CHECK(daemon.state(first) == "queued");
    daemon.clock.set(daemon.clock.now() + 2h);
    daemon.tick();
    CHECK(daemon.state(first) == "expired");
    CHECK(daemon.state(second) == "expired");
}

TEST_CASE("a running attempt is ended at its job's deadline, and the job is expired") {
    QueueDaemon daemon;
    auto wanted = QueueDaemon::job();
    wanted.deadline_at = daemon.clock.now() + 10s;
    const auto id = daemon.submit(wanted);
    daemon.pass(10s);
    CHECK(daemon.state(id) == "expired");
    CHECK(daemon.puppet.stopped == 1);
    CHECK(daemon.snapshot().total.running == 0);
}

TEST_CASE("a job that began in time is tried again after its expires_at has passed") {
    QueueDaemon daemon;
    auto wanted = QueueDaemon::job();
    wanted.expires_at = daemon.clock.now() + 10s;
    const auto id = daemon.submit(wanted);
    daemon.pass(20s); // while it runs
    daemon.finish(id, failure());
    CHECK(daemon.state(id) == "scheduled");
    daemon.pass(2s);
    CHECK(daemon.finish(id));
    CHECK(daemon.state(id) == "succeeded");
}

TEST_CASE("a job that waits for another attempt is expired at its deadline, whatever passed while it ran") {
    QueueDaemon daemon;
    auto wanted = QueueDaemon::job();
    wanted.expires_at = daemon.clock.now() + 10s;
    wanted.deadline_at = daemon.clock.now() + 60s;
    const auto id = daemon.submit(wanted);
    daemon.pass(20s); // the one limit passes while it runs
    daemon.finish(id, failure());
    daemon.pause();
    daemon.pass(10s);
    CHECK(daemon.state(id) == "scheduled");
    daemon.pass(30s);
    CHECK(daemon.state(id) == "expired");
    CHECK(daemon.dispatcher->backlog() == 0);
}

TEST_CASE("more limits than are looked at together all come") {
    QueueDaemon daemon;
    daemon.pause();
    std::vector<Result<values::NewJob>> wanted;
    for (int i = 0; i < 600; ++i) {
        wanted.emplace_back(QueueDaemon::job());
        wanted.back()->expires_at = daemon.clock.now() + 1s;
    }
    REQUIRE(daemon
                .run(daemon.jobs->submit_batch(daemon.who, std::move(wanted), std::nullopt,
                                               [](const BatchAccepted&) { return ""; }))
                .has_value());
    daemon.settle();
    CHECK(daemon.dispatcher->backlog() == 600);
    daemon.clock.pass(1s);
    for (int turn = 0; turn < 3; ++turn) daemon.tick();
    CHECK(daemon.dispatcher->backlog() == 0);
    CHECK(daemon.number("SELECT count(*) FROM finished_jobs WHERE state = 'expired'") == 600);
}

TEST_CASE("what is to begin later begins then, by the wall clock") {
    QueueDaemon daemon;
    auto wanted = QueueDaemon::job();
    wanted.run_at = daemon.clock.now() + 1h;
    const auto id = daemon.submit(wanted);
    CHECK(daemon.state(id) == "scheduled");
    daemon.clock.set(*wanted.run_at);
    daemon.tick();
    CHECK(daemon.state(id) == "running");
}

TEST_CASE("a time in the past is no limit that can be asked for") {
    QueueDaemon daemon;
    for (const bool by_deadline : {false, true}) {
        auto wanted = QueueDaemon::job();
        (by_deadline ? wanted.deadline_at : wanted.expires_at) = daemon.clock.now();
        const auto refused = daemon.try_submit(wanted);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::unprocessable);
    }
}

TEST_CASE("a running attempt is ended when the wall clock passes its job's deadline, however it got there") {
    QueueDaemon daemon;
    auto wanted = QueueDaemon::job();
    wanted.deadline_at = daemon.clock.now() + 1h;
    const auto id = daemon.submit(wanted);
    daemon.clock.set(daemon.clock.now() - 30min); // there is more time than it seemed
    daemon.pass(100s);
    CHECK(daemon.state(id) == "running");
    daemon.clock.set(*wanted.deadline_at + 1s);
    daemon.tick();
    CHECK(daemon.state(id) == "expired");
    CHECK(daemon.puppet.stopped == 1);
}
