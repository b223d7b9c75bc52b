// Named queues as their operator has them: settings and pauses, kept over restarts, told in events.
#include "unit/jobs/queue_daemon.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

std::optional<QueueView> view(QueueDaemon& daemon, const std::string& name = "default") {
    return daemon.run(daemon.queues->find(daemon.who.organization, name));
}

} // namespace

TEST_CASE("a pause holds new jobs and lets those that run end; operators hear who paused it and why") {
    QueueDaemon daemon;
    const auto running = daemon.submit();
    CHECK(daemon.run(daemon.queues->pause(daemon.who, "default", "the printer is out of paper", std::nullopt))
              .has_value());
    const auto waiting = daemon.submit();
    CHECK(daemon.state(waiting) == "queued");
    CHECK(daemon.finish(running));
    const auto paused = view(daemon);
    REQUIRE(paused);
    REQUIRE(paused->pause);
    CHECK(paused->pause->reason == "the printer is out of paper");
    CHECK(paused->pause->actor == "test");
    CHECK(paused->pause->since == daemon.clock.now());
    CHECK(paused->counts.queued == 1);
    daemon.resume();
    CHECK(daemon.state(waiting) == "running");
    CHECK_FALSE(view(daemon)->pause);
    const auto events = daemon.events();
    REQUIRE(events.size() == 2);
    CHECK(events[0].type == "queue.paused");
    CHECK(events[0].subject == "default");
    CHECK(json::parse(events[0].data).at("reason") == "the printer is out of paper");
    CHECK(events[1].type == "queue.resumed");
    CHECK(json::parse(events[1].data).at("by") == "test");
}

TEST_CASE("a pause until a time ends then by itself") {
    QueueDaemon daemon;
    CHECK(daemon.run(daemon.queues->pause(daemon.who, "default", "", daemon.clock.now() + 1h)).has_value());
    const auto id = daemon.submit();
    daemon.pass(1h - 1us);
    CHECK(daemon.state(id) == "queued");
    CHECK(view(daemon)->pause);
    daemon.pass(1us);
    CHECK(daemon.state(id) == "running");
    CHECK_FALSE(view(daemon)->pause);
    CHECK(daemon.run(daemon.queues->pause(daemon.who, "default", "", daemon.clock.now())).error().code ==
          Code::unprocessable);
}

TEST_CASE("a pause that is changed is changed for good") {
    QueueDaemon daemon;
    const auto until = daemon.clock.now() + 2h;
    CHECK(daemon.run(daemon.queues->pause(daemon.who, "default", "first", daemon.clock.now() + 1h)).has_value());
    daemon.clock.pass(1s);
    auto other = daemon.who;
    other.name = "another";
    CHECK(daemon.run(daemon.queues->pause(other, "default", "second", until)).has_value());
    daemon.die();
    const auto pause = view(daemon)->pause;
    REQUIRE(pause);
    CHECK(pause->until == until);
    CHECK(pause->reason == "second");
    CHECK(pause->actor == "another");
    CHECK(pause->since == daemon.clock.now());
}

TEST_CASE("a queue that is not paused may be resumed; one that does not exist may not") {
    QueueDaemon daemon;
    daemon.submit();
    CHECK(daemon.run(daemon.queues->resume(daemon.who, "default")).has_value());
    CHECK(daemon.events().empty());
    CHECK(daemon.run(daemon.queues->resume(daemon.who, "nobody")).error().code == Code::not_found);
}

TEST_CASE("settings and pauses are kept when the daemon dies") {
    QueueDaemon daemon;
    values::QueueSettings settings;
    settings.concurrency = 1;
    settings.rate = 5;
    settings.max_attempts = 9;
    daemon.set("q", settings);
    daemon.pause("q");
    const auto id = daemon.submit(QueueDaemon::job("q"));
    daemon.die();
    const auto after = view(daemon, "q");
    REQUIRE(after);
    CHECK(after->settings.concurrency == 1);
    CHECK(after->settings.rate == 5);
    CHECK(after->settings.max_attempts == 9);
    REQUIRE(after->pause);
    CHECK(after->pause->reason == "a test");
    CHECK(after->counts.queued == 1);
    CHECK(daemon.state(id) == "queued");
    daemon.resume("q");
    CHECK(daemon.state(id) == "running");
}

TEST_CASE("a limit that is changed holds at once") {
    QueueDaemon daemon;
    values::QueueSettings settings;
    settings.concurrency = 1;
    daemon.set("default", settings);
    for (int i = 0; i < 5; ++i) daemon.submit();
    CHECK(daemon.puppet.running().size() == 1);
    settings.concurrency = 3;
    daemon.set("default", settings);
    CHECK(daemon.puppet.running().size() == 3);
    daemon.set("default", {});
    CHECK(daemon.puppet.running().size() == 5);
}

TEST_CASE("a queue's rate holds, and what waits for it begins when it may") {
    QueueDaemon daemon;
    values::QueueSettings settings;
    settings.rate = 2;
    daemon.set("default", settings);
    for (int i = 0; i < 5; ++i) daemon.submit();
    CHECK(daemon.puppet.running().size() == 2);
    daemon.pass(500ms);
    CHECK(daemon.puppet.running().size() == 3);
    daemon.pass(499ms);
    CHECK(daemon.puppet.running().size() == 3);
    daemon.pass(1ms);
    CHECK(daemon.puppet.running().size() == 4);
}

TEST_CASE("who works a queue is changed only while it is empty") {
    QueueDaemon daemon;
    const auto id = daemon.submit();
    values::QueueSettings settings;
    settings.external = true;
    CHECK(daemon.run(daemon.queues->set(daemon.who, "default", settings)).error().code == Code::conflict);
    daemon.finish(id);
    CHECK(daemon.run(daemon.queues->set(daemon.who, "default", settings)).has_value());
    daemon.settle();
    const auto next = daemon.submit();
    CHECK(daemon.state(next) == "queued");
    CHECK(daemon.puppet.running().empty());
}

TEST_CASE("a queue is listed by name with what waits and runs in it, to its own organisation") {
    QueueDaemon daemon;
    daemon.pause("b");
    daemon.submit(QueueDaemon::job("b"));
    daemon.submit(QueueDaemon::job("a"));
    auto later = QueueDaemon::job("a");
    later.run_at = daemon.clock.now() + 1h;
    const auto parent = daemon.submit(later);
    auto child = QueueDaemon::job("a");
    child.depends_on = {{parent, values::OnFailure::fail}};
    daemon.submit(child);
    daemon.clock.pass(30s);
    const auto all = daemon.run(daemon.queues->list(daemon.who.organization));
    REQUIRE(all.size() == 2);
    CHECK(all[0].name == "a");
    CHECK(all[0].counts.running == 1);
    CHECK(all[0].counts.scheduled == 1);
    CHECK(all[0].counts.blocked == 1);
    CHECK(all[1].name == "b");
    CHECK(all[1].counts.queued == 1);
    CHECK(all[1].counts.oldest_seconds == doctest::Approx(30));
    CHECK(daemon.run(daemon.queues->list(OrganizationId::make())).empty());
}
