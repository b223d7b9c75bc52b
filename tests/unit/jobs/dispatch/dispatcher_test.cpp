// From the line to the end: claims, ends, retries, limits of time, and what survives a death of the daemon.
#include "unit/jobs/queue_daemon.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

DispatcherOptions with_slots(std::size_t slots) {
    DispatcherOptions options;
    options.scheduler.concurrency = slots;
    return options;
}

} // namespace

TEST_CASE("a submitted job runs, and its result is kept before anybody hears of its end") {
    QueueDaemon daemon;
    auto wanted = QueueDaemon::job();
    wanted.payload = R"({"n":1})";
    const auto id = daemon.submit(wanted);
    const auto running = daemon.puppet.running();
    REQUIRE(running.size() == 1);
    CHECK(running[0].job == id);
    CHECK(running[0].number == 1);
    CHECK(running[0].payload == R"({"n":1})");
    CHECK(daemon.state(id) == "running");
    CHECK(daemon.finish(id));
    const auto job = daemon.find(id);
    CHECK(values::name(job.state) == "succeeded");
    CHECK(job.result == "\"done\"");
    CHECK(daemon.snapshot().total.ended.at(values::JobState::succeeded) == 1);
    CHECK(daemon.dispatcher->backlog() == 0);
}

TEST_CASE("no more attempts run than there are slots, and the next begins when one ends") {
    QueueDaemon daemon{with_slots(2)};
    std::vector<JobId> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(daemon.submit());
    CHECK(daemon.puppet.running().size() == 2);
    CHECK(daemon.dispatcher->backlog() == 3);
    for (const auto& id : ids) {
        CHECK(daemon.finish(id)); // first come, first served
        CHECK(daemon.state(id) == "succeeded");
    }
    CHECK(daemon.dispatcher->backlog() == 0);
}

TEST_CASE("a failed attempt is tried again after its delay, on the monotonic clock") {
    QueueDaemon daemon;
    const auto id = daemon.submit();
    daemon.finish(id, failure());
    CHECK(daemon.state(id) == "scheduled");
    daemon.clock.set(daemon.clock.now() + 24h); // somebody sets the clock: nothing comes sooner
    daemon.tick();
    CHECK(daemon.puppet.running().empty());
    daemon.clock.set(daemon.clock.now() - 48h); // nor later
    daemon.pass(1s + 1us);
    REQUIRE(daemon.puppet.running().size() == 1);
    CHECK(daemon.puppet.running()[0].number == 2);
    daemon.finish(id);
    CHECK(daemon.state(id) == "succeeded");
    CHECK(daemon.attempts(id).size() == 1);
}

TEST_CASE("a processor that throws has failed") {
    class Thrower final : public Processor {
    public:
        std::string_view kind() const override { return "thrower"; }
        std::size_t concurrency() const override { return 10; }
        Result<void> check(OrganizationId, const boost::json::value&) const override { return success(); }
        awaitable<Outcome> run(Attempt) override {
            throw std::runtime_error{"out of paper"};
            co_return Success{};
        }
    } thrower;
    QueueDaemon daemon;
    daemon.dispatcher->add(thrower);
    auto wanted = QueueDaemon::job();
    wanted.kind = "thrower";
    wanted.max_attempts = 1;
    const auto id = daemon.submit(wanted);
    daemon.settle();
    CHECK(daemon.state(id) == "dead");
    CHECK(daemon.find(id).error->code == "internal");
    CHECK(daemon.find(id).error->message == "out of paper");
}

TEST_CASE("an attempt that runs for longer than it may is ended, and its late result dropped") {
    for (const bool stubborn : {false, true}) {
        QueueDaemon daemon{with_slots(1)};
        daemon.puppet.stubborn = stubborn;
        auto wanted = QueueDaemon::job();
        wanted.timeout_seconds = 10;
        const auto id = daemon.submit(wanted);
        daemon.pass(9s);
        CHECK(daemon.state(id) == "running");
        daemon.pass(1s);
        CHECK(daemon.state(id) == "scheduled");
        CHECK(daemon.find(id).error->code == "timed_out");
        CHECK(daemon.puppet.stopped == (stubborn ? 0 : 1));
        daemon.pass(1s + 1us);
        CHECK(daemon.state(id) == (stubborn ? "scheduled" : "running")); // whoever does not stop keeps the slot
        if (!stubborn) continue;
        CHECK(daemon.finish(id, Success{"\"late\"", {}}));
        CHECK(daemon.state(id) == "running"); // the next attempt
        daemon.finish(id);
        CHECK(daemon.find(id).result == "\"done\"");
    }
}

TEST_CASE("a running job that is cancelled is told to stop, and what it still returns is dropped") {
    for (const bool stubborn : {false, true}) {
        QueueDaemon daemon{with_slots(1)};
        daemon.puppet.stubborn = stubborn;
        const auto id = daemon.submit();
        CHECK(daemon.run(daemon.jobs->cancel(daemon.who, id)).has_value());
        daemon.settle();
        CHECK(daemon.state(id) == "cancelled");
        const auto next = daemon.submit();
        CHECK(daemon.state(next) == (stubborn ? "queued" : "running"));
        if (stubborn) CHECK(daemon.finish(id, Success{"\"late\"", {}}));
        CHECK(daemon.find(id).result.empty());
        CHECK(daemon.state(next) == "running"); // the slot was given back
        CHECK(daemon.finish(next));
        CHECK(daemon.snapshot().total.running == 0);
    }
}

TEST_CASE("a waiting job that is cancelled never begins, and leaves nothing in the counts") {
    QueueDaemon daemon;
    daemon.pause();
    const auto id = daemon.submit();
    auto later = QueueDaemon::job();
    later.run_at = daemon.clock.now() + 1h;
    const auto scheduled = daemon.submit(later);
    CHECK(daemon.snapshot().total.queued == 1);
    CHECK(daemon.snapshot().total.scheduled == 1);
    for (const auto& each : {id, scheduled}) CHECK(daemon.run(daemon.jobs->cancel(daemon.who, each)).has_value());
    daemon.settle();
    CHECK(daemon.snapshot().total.queued == 0);
    CHECK(daemon.snapshot().total.scheduled == 0);
    CHECK(daemon.dispatcher->backlog() == 0);
    daemon.resume();
    daemon.pass(2h);
    CHECK(daemon.puppet.running().empty());
}

TEST_CASE("a job that waits again can be cancelled there, and leaves nothing in the counts") {
    for (const auto kind : {Failure::Kind::spared, Failure::Kind::worker_lost, Failure::Kind::retryable}) {
        QueueDaemon daemon;
        const auto id = daemon.submit();
        daemon.pause();
        daemon.clock.pass(5s);
        daemon.finish(id, failure("broken", kind));
        CHECK(daemon.dispatcher->backlog() == 1);
        CHECK(daemon.run(daemon.jobs->cancel(daemon.who, id)).has_value());
        daemon.settle();
        daemon.resume();
        daemon.pass(1min);
        CHECK(daemon.puppet.running().empty());
        CHECK(daemon.dispatcher->backlog() == 0);
        CHECK(daemon.snapshot().total.queued == 0);
        CHECK(daemon.snapshot().total.scheduled == 0);
    }
}

TEST_CASE("a cancel that meets the claim on its way wins, whichever is written first") {
    for (const bool cancel_first : {false, true}) {
        QueueDaemon daemon;
        daemon.pause();
        const auto id = daemon.submit();
        std::future<Result<void>> cancelled;
        {
            QueueDaemon::HeldStore held{*daemon.database};
            const auto cancel = [&] {
                cancelled =
                    std::async(std::launch::async, [&] { return daemon.run(daemon.jobs->cancel(daemon.who, id)); });
                std::this_thread::sleep_for(10ms); // it waits for the store then
            };
            if (cancel_first) cancel();
            daemon.set_rules_unstored({}); // the claim is on its way
            if (!cancel_first) cancel();   // one transaction for both
        }
        CHECK(cancelled.get().has_value());
        daemon.settle();
        CHECK(daemon.state(id) == "cancelled");
        CHECK(daemon.puppet.running().empty());
        CHECK(daemon.snapshot().total.running == 0);
        CHECK(daemon.dispatcher->table().find_queue(daemon.who.organization, "default")->waiting == 0); // not -1 either
        const auto next = daemon.submit();
        CHECK(daemon.state(next) == "running");
    }
}

TEST_CASE("an attempt that is cancelled in the transaction that began it is stopped") {
    QueueDaemon daemon;
    daemon.pause();
    const auto id = daemon.submit();
    {
        const QueueDaemon::HeldStore held{*daemon.database};
        daemon.set_rules_unstored({}); // the claim is on its way, and behind it a cancel
        daemon.database->post_write(
            [id, organization = daemon.who.organization](store::SystemSession& session) -> Result<void> {
                Settled settled;
                store::OrganizationSession tenant{session, organization};
                end_job(tenant, id, values::JobState::cancelled, values::JobError{"cancelled", ""}, {1}, settled);
                publish(session, std::move(settled));
                return success();
            },
            [](Result<void>) {});
    }
    daemon.settle();
    CHECK(daemon.state(id) == "cancelled");
    CHECK(daemon.puppet.running().empty());
    CHECK(daemon.puppet.stopped == 1); // it had begun when it was heard of
    CHECK(daemon.snapshot().total.running == 0);
}

TEST_CASE("a lease that runs out while its worker reports ends once, and gives its slot back once") {
    QueueDaemon daemon;
    values::QueueSettings settings;
    settings.external = true;
    daemon.set("outside", settings);
    const auto id = daemon.submit(QueueDaemon::job("outside"));
    const auto taken = daemon.run(daemon.leases->take(daemon.who, {"outside", "w", 1, 0ms, 30s})).value();
    REQUIRE(taken.size() == 1);
    asio::io_context context;
    std::future<Result<void>> reported;
    {
        const QueueDaemon::HeldStore held{*daemon.database};
        reported = asio::co_spawn(context, daemon.leases->complete(daemon.who, taken[0].token, "1"), asio::use_future);
        context.poll(); // as far as its write, which waits behind the held one
        daemon.clock.pass(30s);
        daemon.dispatcher->start(); // a tick: the lease is over, and that is on its way into the store
        daemon.snapshot();
    }
    context.run();
    CHECK(reported.get().has_value());
    daemon.settle();
    CHECK(daemon.state(id) == "succeeded");
    CHECK(daemon.attempts(id).empty());
    for (const auto& queue : daemon.snapshot().queues) CHECK(queue.running == 0);
}

TEST_CASE("what ran when the daemon died begins anew at once, and what waited waits on") {
    QueueDaemon daemon{with_slots(1)};
    const auto ran = daemon.submit(), waited = daemon.submit();
    auto later = QueueDaemon::job();
    later.run_at = daemon.clock.now() + 1h;
    const auto scheduled = daemon.submit(later);
    daemon.die();
    REQUIRE(daemon.puppet.running().size() == 1);
    CHECK(daemon.puppet.running()[0].job == ran);
    CHECK(daemon.puppet.running()[0].number == 2);
    CHECK(daemon.attempts(ran).at(0).outcome == "lost");
    daemon.finish(ran);
    daemon.finish(waited);
    CHECK(daemon.state(waited) == "succeeded");
    CHECK(daemon.state(scheduled) == "scheduled");
    CHECK(daemon.dispatcher->backlog() == 1);
    daemon.pass(1h);
    CHECK(daemon.finish(scheduled));
}

TEST_CASE("a daemon that stops takes no more, and gives back what does not end in time as if it had not begun") {
    QueueDaemon daemon{with_slots(1)};
    const auto ran = daemon.submit(), waited = daemon.submit();
    daemon.stop();
    daemon.settle();
    CHECK(daemon.try_submit(QueueDaemon::job()).error().code == Code::unavailable);
    CHECK(daemon.state(ran) == "queued");
    CHECK(daemon.state(waited) == "queued");
    CHECK(daemon.find(ran).attempt == 0);
    daemon.die();
    CHECK(daemon.puppet.running().at(0).number == 1);
    CHECK(daemon.attempts(ran).empty());
}

TEST_CASE("a daemon that stops waits for what ends in time") {
    QueueDaemon daemon;
    const auto id = daemon.submit();
    std::thread finisher{[&] { daemon.puppet.finish(id); }};
    daemon.stop(60s);
    finisher.join();
    CHECK(daemon.state(id) == "succeeded");
}

TEST_CASE("totals, and how long jobs of a kind take, are known after a restart") {
    QueueDaemon daemon;
    for (int i = 0; i < 3; ++i) {
        const auto id = daemon.submit();
        daemon.clock.pass(4s);
        daemon.finish(id);
    }
    daemon.die();
    const auto total = daemon.snapshot().total;
    CHECK(total.ended.at(values::JobState::succeeded) == 3);
    for (const auto& queue : daemon.snapshot().queues) CHECK(queue.mean_run_seconds == doctest::Approx(4));
}
