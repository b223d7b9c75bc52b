// Submits with an Idempotency-Key or a unique key, many at once, cancels, and the lists that people see.
#include "unit/jobs/queue_daemon.hpp"

#include <set>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

IdempotentRequest request(std::string key, std::string payload = "digest") {
    return {std::move(key), std::move(payload), "POST /api/v1/jobs"};
}

std::string render(const BatchAccepted& answer) {
    std::string text;
    for (const auto& item : answer.items) text += item ? (item->duplicate ? "d" : "a") : "r";
    return text;
}
Result<BatchAccepted> submit_all(QueueDaemon& daemon, std::vector<Result<values::NewJob>> wanted,
                                 std::optional<IdempotentRequest> key = std::nullopt) {
    auto done = daemon.run(daemon.jobs->submit_batch(daemon.who, std::move(wanted), std::move(key), render));
    daemon.settle();
    return done;
}
values::NewJob unique(std::string key) {
    auto wanted = QueueDaemon::job();
    wanted.unique = values::Unique{.key = std::move(key), .period = {}};
    return wanted;
}

} // namespace

TEST_CASE("a request that is repeated with its key makes one job and gets the same answer") {
    QueueDaemon daemon;
    const auto first = daemon.try_submit(QueueDaemon::job(), request("k")).value();
    CHECK_FALSE(first.replayed);
    daemon.settle();
    daemon.finish(first.id);
    const auto again = daemon.try_submit(QueueDaemon::job(), request("k")).value();
    CHECK(again.replayed);
    CHECK(again.id == first.id);
    CHECK(again.body == first.body);
    daemon.die();
    CHECK(daemon.try_submit(QueueDaemon::job(), request("k")).value().id == first.id);
    CHECK(daemon.number("SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM finished_jobs)") == 1);
    CHECK(daemon.snapshot().total.running == 0);
}

TEST_CASE("a key that was used with another payload is refused") {
    QueueDaemon daemon;
    CHECK(daemon.try_submit(QueueDaemon::job(), request("k")).has_value());
    const auto refused = daemon.try_submit(QueueDaemon::job(), request("k", "another"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unprocessable);
    CHECK(daemon.try_submit(QueueDaemon::job(), request("other")).has_value());
    CHECK(daemon.number("SELECT count(*) FROM jobs") == 2);
}

TEST_CASE("many requests with one key at once make one job") {
    QueueDaemon daemon;
    std::vector<std::future<Result<Accepted>>> answers;
    {
        QueueDaemon::HeldStore held{*daemon.database};
        for (int i = 0; i < 8; ++i)
            answers.push_back(
                std::async(std::launch::async, [&] { return daemon.try_submit(QueueDaemon::job(), request("k")); }));
        std::this_thread::sleep_for(10ms);
    }
    std::set<std::string> bodies;
    for (auto& answer : answers) bodies.insert(answer.get().value().body);
    CHECK(bodies.size() == 1);
    daemon.settle();
    CHECK(daemon.puppet.running().size() == 1);
    CHECK(daemon.number("SELECT count(*) FROM jobs") == 1);
}

TEST_CASE("many jobs are taken in one commit, and each is answered in its place") {
    QueueDaemon daemon;
    std::vector<Result<values::NewJob>> wanted;
    wanted.emplace_back(QueueDaemon::job());
    wanted.emplace_back(Error{Code::unprocessable, "\"kind\" is missing"});
    wanted.emplace_back(unique("u"));
    wanted.emplace_back(unique("u"));
    auto bad = QueueDaemon::job();
    bad.payload = R"({"bad":true})";
    wanted.emplace_back(bad);
    auto orphan = QueueDaemon::job();
    orphan.depends_on = {{JobId::make(), values::OnFailure::fail}};
    wanted.emplace_back(orphan);
    wanted.emplace_back(QueueDaemon::job());
    const auto groups = daemon.database->stats().groups;
    const auto answer = submit_all(daemon, std::move(wanted)).value();
    CHECK(render(answer) == "aradrra");
    CHECK(answer.items[1].error().detail == "\"kind\" is missing");
    CHECK(answer.items[3]->id == answer.items[2]->id);
    CHECK(daemon.number("SELECT count(*) FROM jobs") == 3);
    CHECK(daemon.puppet.running().size() == 3);
    CHECK(daemon.database->stats().groups > groups);
}

TEST_CASE("a batch that is repeated with its key is answered again, and makes nothing") {
    QueueDaemon daemon;
    const auto batch = [] {
        std::vector<Result<values::NewJob>> wanted;
        for (int i = 0; i < 3; ++i) wanted.emplace_back(QueueDaemon::job());
        return wanted;
    };
    CHECK_FALSE(submit_all(daemon, batch(), request("k"))->replayed);
    const auto again = submit_all(daemon, batch(), request("k"));
    CHECK(again->replayed == "aaa");
    CHECK(daemon.number("SELECT count(*) FROM jobs") == 3);
    CHECK(submit_all(daemon, batch(), request("k", "another")).error().code == Code::unprocessable);
}

TEST_CASE("a thousand jobs in one batch all run, in their order") {
    DispatcherOptions options;
    options.scheduler.concurrency = 1;
    QueueDaemon daemon{options};
    std::vector<Result<values::NewJob>> wanted(1000, QueueDaemon::job());
    const auto answer = submit_all(daemon, std::move(wanted)).value();
    CHECK(daemon.dispatcher->backlog() == 999);
    for (std::size_t i = 0; i < 5; ++i) {
        REQUIRE(daemon.puppet.running().size() == 1);
        CHECK(daemon.puppet.running()[0].job == answer.items[i]->id);
        daemon.finish(answer.items[i]->id);
    }
}

TEST_CASE("a unique key answers with the job that holds it") {
    QueueDaemon daemon;
    const auto first = daemon.try_submit(unique("u")).value();
    const auto second = daemon.try_submit(unique("u")).value();
    CHECK(second.duplicate);
    CHECK(second.id == first.id);
    CHECK(second.body.find("\"duplicate\":true") != std::string::npos);
    daemon.settle();
    daemon.finish(first.id);
    CHECK_FALSE(daemon.try_submit(unique("u"))->duplicate);
}

TEST_CASE("only what has not ended is cancelled") {
    QueueDaemon daemon;
    CHECK(daemon.run(daemon.jobs->cancel(daemon.who, JobId::make())).error().code == Code::not_found);
    const auto id = daemon.submit();
    auto stranger = daemon.who;
    stranger.organization = OrganizationId::make();
    CHECK(daemon.run(daemon.jobs->cancel(stranger, id)).error().code == Code::not_found);
    daemon.finish(id);
    const auto late = daemon.run(daemon.jobs->cancel(daemon.who, id));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == Code::conflict);
    CHECK(late.error().detail.find("succeeded") != std::string::npos);
}

TEST_CASE("whoever begins to wait for a job that has ended meanwhile does not wait") {
    QueueDaemon daemon;
    const auto id = daemon.submit();
    asio::io_context context;
    Waiters::Seat seat{daemon.jobs->waiters(), id, context.get_executor()};
    daemon.finish(id);
    context.run(); // it hears of the end
    context.restart();
    auto waited = asio::co_spawn(context, seat.wait(60s), asio::use_future);
    context.run_for(5s);
    CHECK(waited.wait_for(0s) == std::future_status::ready);
}

TEST_CASE("whoever waits for a job hears of its end, however it ends") {
    for (const bool cancelled : {false, true}) {
        QueueDaemon daemon;
        const auto id = daemon.submit();
        auto waiting = std::async(std::launch::async, [&] {
            return daemon.run([](QueueDaemon& its, JobId job) -> awaitable<bool> {
                Waiters::Seat seat{its.jobs->waiters(), job, co_await asio::this_coro::executor};
                co_await seat.wait(60s);
                co_return true;
            }(daemon, id));
        });
        std::this_thread::sleep_for(10ms); // it has taken its seat
        if (cancelled) CHECK(daemon.run(daemon.jobs->cancel(daemon.who, id)).has_value());
        else daemon.finish(id);
        CHECK(waiting.wait_for(10s) == std::future_status::ready);
    }
}

namespace {

values::NewJob naming_blobs(std::size_t count) {
    auto wanted = QueueDaemon::job();
    wanted.payload = R"({"inputs":[)";
    for (std::size_t i = 0; i < count; ++i)
        wanted.payload += fmt::format(R"({}{{"blob":"{:064x}"}})", i == 0 ? "" : ",", i);
    wanted.payload += "]}";
    return wanted;
}

} // namespace

TEST_CASE("a job names so many blobs at most, and the jobs of a batch so many together") {
    QueueDaemon daemon;
    CHECK(daemon.try_submit(naming_blobs(256)).has_value());
    CHECK(daemon.number("SELECT count(*) FROM job_blobs") == 256);
    const auto refused = daemon.try_submit(naming_blobs(257));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unprocessable);
    CHECK(refused.error().detail.find("257 blobs") != std::string::npos);
    std::vector<Result<values::NewJob>> batch(20, naming_blobs(250));
    CHECK(render(*submit_all(daemon, std::move(batch))) == "aaaaaaaaaaaaaaaarrrr"); // 4,000
}
