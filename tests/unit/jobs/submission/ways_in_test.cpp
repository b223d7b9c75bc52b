// Every way into the queue goes by the rules of a submission: what a submit would be refused for now, a retry and a
// replay are too.
#include "unit/jobs/queue_daemon.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

struct Door : QueueDaemon {
    Door() : QueueDaemon{options()} { set_breaker(false); }
    static DispatcherOptions options() {
        DispatcherOptions options;
        options.max_backlog = 3;
        return options;
    }
    void set_breaker(bool breaker, std::optional<std::size_t> backlog = {}) {
        values::QueueSettings settings;
        settings.breaker = breaker;
        settings.max_backlog = backlog;
        set("default", settings);
    }
    JobId bury() {
        auto wanted = job();
        wanted.max_attempts = 1;
        const auto id = submit(std::move(wanted));
        finish(id, failure("broken"));
        clock.pass(1s);
        return id;
    }
    // The codes of a submit, of a retry and of a replay.
    void check(JobId dead, std::optional<Code> expected) {
        const auto code = [](const auto& result) {
            return result.has_value() ? std::optional<Code>{} : std::optional{result.error().code};
        };
        Replay replay;
        replay.filter.ids = {dead};
        CHECK(code(run(dead_letters->replay(who, std::move(replay)))) == expected);
        settle();
        if (!expected) finish(dead, failure("broken", Failure::Kind::permanent));
        CHECK(code(run(jobs->retry(who, dead, std::nullopt))) == expected);
        settle();
        CHECK(code(try_submit(job())) == expected);
        if (expected) CHECK(state(dead) == "dead");
    }
};

} // namespace

TEST_CASE("nothing in the way: all are taken") {
    Door door;
    door.check(door.bury(), std::nullopt);
}

TEST_CASE("as many wait as may, over all queues") {
    Door door;
    const auto dead = door.bury();
    door.pause("other");
    for (int i = 0; i < 3; ++i) door.submit(QueueDaemon::job("other"));
    door.check(dead, Code::unavailable);
}

TEST_CASE("as many wait in the queue as may") {
    Door door;
    const auto dead = door.bury();
    door.set_breaker(false, 1);
    door.pause();
    door.submit();
    door.check(dead, Code::unavailable);
}

TEST_CASE("an open breaker refuses what is new; what somebody asks for again waits for it in line") {
    Door door;
    const auto first = door.bury(), second = door.bury();
    door.set_breaker(true);
    for (int i = 0; i < 10; ++i) {
        auto wanted = QueueDaemon::job();
        wanted.max_attempts = 1;
        door.finish(door.submit(std::move(wanted)), failure("broken"));
    }
    const auto refused = door.try_submit(QueueDaemon::job());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().detail.find("breaker") != std::string::npos);
    Replay replay;
    replay.filter.ids = {first};
    CHECK(door.run(door.dead_letters->replay(door.who, std::move(replay))).value() == 1);
    CHECK(door.run(door.jobs->retry(door.who, second, std::nullopt)).has_value());
    door.settle();
    CHECK(door.state(first) == "queued");
    CHECK(door.state(second) == "queued");
}

TEST_CASE("the daemon is stopping") {
    Door door;
    const auto dead = door.bury();
    door.stop();
    door.check(dead, Code::unavailable);
}

TEST_CASE("a replay that fills the queue says how many went in, and goes on where it stopped") {
    Door door;
    for (int i = 0; i < 5; ++i) door.bury();
    door.pause();
    const auto refused = door.run(door.dead_letters->replay(door.who, {}));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unavailable);
    CHECK(refused.error().detail.starts_with("3 were replayed"));
    door.settle();
    CHECK(door.dispatcher->backlog() == 3);
    CHECK(door.run(door.dead_letters->count(door.who.organization, {})).value() == 2);
}

TEST_CASE("what depends on each other is replayed in its order") {
    Door door;
    const auto parent = door.submit();
    auto wanted = QueueDaemon::job();
    wanted.depends_on = {{parent, values::OnFailure::fail}};
    const auto child = door.submit(std::move(wanted));
    door.finish(parent, failure("broken", Failure::Kind::permanent));
    CHECK(door.state(child) == "dead");
    CHECK(door.run(door.jobs->retry(door.who, child, std::nullopt)).error().code == Code::conflict);
    door.clock.pass(1s);
    CHECK(door.run(door.dead_letters->replay(door.who, {})).value() == 2);
    door.settle();
    CHECK(door.state(parent) == "running");
    CHECK(door.state(child) == "blocked");
    CHECK(door.dispatcher->backlog() == 1);
    door.finish(parent);
    CHECK(door.state(child) == "running");
    door.finish(child);
    CHECK(door.state(child) == "succeeded");
    CHECK(door.dispatcher->backlog() == 0);
}
