// Which jobs are taken in: bounds, breakers, and jobs that begin as they are submitted.
#include "unit/jobs/queue_daemon.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

Error refused(QueueDaemon& daemon, values::NewJob wanted = QueueDaemon::job()) {
    const auto answer = daemon.try_submit(std::move(wanted));
    REQUIRE_FALSE(answer.has_value());
    return answer.error();
}
values::NewJob of_model(std::string name) {
    auto wanted = QueueDaemon::job();
    wanted.payload = fmt::format(R"({{"model":"{}"}})", name);
    wanted.max_attempts = 1;
    return wanted;
}
void fail_ten(QueueDaemon& daemon, const values::NewJob& wanted) {
    for (int i = 0; i < 10; ++i) daemon.finish(daemon.submit(wanted), failure());
}

} // namespace

TEST_CASE("a full backlog refuses, and says when to try again") {
    DispatcherOptions options;
    options.max_backlog = 2;
    QueueDaemon daemon{options};
    daemon.pause();
    daemon.submit();
    daemon.submit();
    const auto why = refused(daemon);
    CHECK(why.code == Code::unavailable);
    CHECK(why.retry_after_seconds > 0);
    CHECK(why.detail.find("max_backlog") != std::string::npos);
    daemon.resume();
    CHECK(daemon.try_submit(QueueDaemon::job()).has_value());
}

TEST_CASE("a queue's own bound refuses for that queue") {
    QueueDaemon daemon;
    values::QueueSettings settings;
    settings.max_backlog = 1;
    daemon.set("small", settings);
    daemon.pause("small");
    daemon.submit(QueueDaemon::job("small"));
    CHECK(refused(daemon, QueueDaemon::job("small")).code == Code::unavailable);
    CHECK(daemon.try_submit(QueueDaemon::job()).has_value());
}

TEST_CASE("without room on the disk or in memory nothing is taken, until there is some") {
    std::atomic<bool> full{false};
    DispatcherOptions options;
    options.no_room = [&] { return full ? std::string{"the disk is full"} : std::string{}; };
    QueueDaemon daemon{options};
    full = true;
    daemon.pass(2s);
    CHECK(refused(daemon).detail == "the disk is full");
    full = false;
    daemon.pass(2s);
    CHECK(daemon.try_submit(QueueDaemon::job()).has_value());
}

TEST_CASE("a kind that nothing runs is refused, except in a queue that others work") {
    QueueDaemon daemon;
    auto wanted = QueueDaemon::job();
    wanted.kind = "unheard_of";
    CHECK(refused(daemon, wanted).code == Code::unprocessable);
    values::QueueSettings settings;
    settings.external = true;
    daemon.set("outside", settings);
    wanted.queue = "outside";
    CHECK(daemon.try_submit(wanted).has_value());
}

TEST_CASE("a payload that can never work is refused") {
    QueueDaemon daemon;
    auto wanted = QueueDaemon::job();
    wanted.payload = R"({"bad":true})";
    CHECK(refused(daemon, wanted).code == Code::unprocessable);
    CHECK(daemon.number("SELECT count(*) FROM jobs") == 0);
}

TEST_CASE("what a job leaves open comes from its queue") {
    QueueDaemon daemon;
    values::QueueSettings settings;
    settings.priority = 8;
    settings.max_attempts = 2;
    settings.timeout_seconds = 33;
    settings.retry.emplace().first = 9s;
    settings.retry->jitter = 0;
    daemon.set("q", settings);
    auto wanted = QueueDaemon::job("q");
    wanted.retry.reset();
    const auto id = daemon.submit(wanted);
    auto job = daemon.find(id);
    CHECK(job.priority == 8);
    CHECK(job.max_attempts == 2);
    CHECK(job.timeout_seconds == 33);
    daemon.finish(id, failure());
    CHECK(daemon.find(id).run_at - daemon.clock.now() == 9s);
    wanted.priority = 1;
    CHECK(daemon.find(daemon.submit(wanted)).priority == 1);
}

TEST_CASE("a model that fails most of the time is refused for a while, and others are not") {
    QueueDaemon daemon;
    values::QueueSettings settings;
    settings.breaker = false;
    daemon.set("default", settings);
    fail_ten(daemon, of_model("broken"));
    const auto why = refused(daemon, of_model("broken"));
    CHECK(why.code == Code::unavailable);
    CHECK(why.retry_after_seconds == 10);
    CHECK(why.detail.find("broken") != std::string::npos);
    CHECK(daemon.finish(daemon.submit(of_model("sound"))));
    const auto events = daemon.events();
    CHECK(std::count_if(events.begin(), events.end(), [](const events::Event& event) {
              return event.type == "breaker.opened" && event.subject == "puppet broken";
          }) == 1);
    daemon.pass(10s);
    std::vector<JobId> probes;
    for (int i = 0; i < 3; ++i) probes.push_back(daemon.submit(of_model("broken")));
    for (const auto& probe : probes) {
        CHECK(daemon.puppet.running().size() == 1); // one at a time
        CHECK(daemon.finish(probe));
    }
    CHECK(daemon.events().back().type == "breaker.closed");
    CHECK(daemon.snapshot().resources.at(0).breaker.state == values::BreakerView::State::closed);
}

TEST_CASE("a queue whose jobs mostly fail is refused for a while, unless its breaker is switched off") {
    QueueDaemon daemon;
    auto wanted = QueueDaemon::job("flaky");
    wanted.max_attempts = 1;
    fail_ten(daemon, wanted);
    CHECK(refused(daemon, wanted).detail.find("flaky") != std::string::npos);
    CHECK(daemon.try_submit(QueueDaemon::job()).has_value());
    values::QueueSettings settings;
    settings.breaker = false;
    daemon.set("flaky", settings);
    CHECK(daemon.try_submit(wanted).has_value());
}

TEST_CASE("a job's own fault opens no breaker") {
    QueueDaemon daemon;
    for (int i = 0; i < 20; ++i) daemon.finish(daemon.submit(), failure("bad_input", Failure::Kind::permanent));
    CHECK(daemon.try_submit(QueueDaemon::job()).has_value());
}

TEST_CASE("a job begins as it is submitted only where nothing limits it") {
    DispatcherOptions options;
    options.scheduler.concurrency = 2;
    QueueDaemon daemon{options};
    auto& queue = *daemon.dispatcher->table().queue(daemon.who.organization, "default");
    const auto may = [&] {
        const bool reserved = daemon.dispatcher->reserve(queue, "puppet", "");
        if (reserved) daemon.dispatcher->unreserve();
        return reserved;
    };
    CHECK(may());
    CHECK_FALSE(daemon.dispatcher->reserve(queue, "unheard_of", ""));
    CHECK_FALSE(daemon.dispatcher->reserve(queue, "puppet", "an unknown model"));
    daemon.pause();
    CHECK_FALSE(may());
    daemon.resume();
    values::QueueSettings settings;
    settings.concurrency = 5;
    daemon.set("default", settings);
    CHECK_FALSE(may());
    daemon.set("default", {});
    const auto first = daemon.submit();
    CHECK(may());
    daemon.submit();
    CHECK_FALSE(may()); // no slot
    daemon.finish(first);
    CHECK(may());
    REQUIRE(daemon.dispatcher->reserve(queue, "puppet", ""));
    CHECK_FALSE(may()); // it is taken
    daemon.dispatcher->unreserve();
}

TEST_CASE("the last slot is given once, to a job of the line or to one beside it") {
    DispatcherOptions options;
    options.scheduler.concurrency = 1;
    QueueDaemon daemon{options};
    const auto queue = daemon.dispatcher->table().queue(daemon.who.organization, "default");
    REQUIRE(daemon.dispatcher->reserve(*queue, "puppet", ""));
    const auto waits = daemon.submit();
    CHECK(daemon.state(waits) == "queued");
    CHECK_FALSE(daemon.dispatcher->reserve(*queue, "puppet", ""));
    daemon.dispatcher->unreserve();
    daemon.settle();
    CHECK(daemon.state(waits) == "running");
    CHECK_FALSE(daemon.dispatcher->reserve(*queue, "puppet", ""));
    daemon.finish(waits);
    CHECK(daemon.dispatcher->reserve(*queue, "puppet", ""));
    daemon.dispatcher->unreserve();
}
