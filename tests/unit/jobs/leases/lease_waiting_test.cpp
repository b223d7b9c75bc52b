// External workers that wait for a job: who is given the next one, and what becomes of a job that does not arrive.
#include "unit/jobs/leases/worked_outside.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

TEST_CASE("a worker that waits is given the first job that comes") {
    WorkedOutside daemon;
    auto waiting = std::async(std::launch::async, [&] {
        return daemon.run(daemon.leases->take(daemon.who, WorkedOutside::request(5, 60s)));
    });
    while (daemon.snapshot().total.waiting_workers == 0) std::this_thread::sleep_for(1ms);
    const auto id = daemon.submit(WorkedOutside::outside());
    const auto taken = waiting.get();
    REQUIRE(taken.has_value());
    REQUIRE(taken->size() == 1);
    CHECK(taken->at(0).job.id == id);
    CHECK(daemon.snapshot().total.waiting_workers == 0);
}

TEST_CASE("a worker that goes away while it waits is given nothing, and the job goes to the next") {
    WorkedOutside daemon;
    asio::cancellation_signal gone;
    asio::io_context context;
    auto poll = asio::co_spawn(context, daemon.leases->take(daemon.who, WorkedOutside::request(1, 60s)),
                               asio::bind_cancellation_slot(gone.slot(), asio::use_future));
    context.poll();
    while (daemon.snapshot().total.waiting_workers == 0) std::this_thread::sleep_for(1ms);
    asio::post(context, [&] { gone.emit(asio::cancellation_type::terminal); });
    context.run();
    CHECK(poll.get()->empty());
    CHECK(daemon.snapshot().total.waiting_workers == 0);
    const auto id = daemon.submit(WorkedOutside::outside());
    CHECK(daemon.state(id) == "queued");
    const auto taken = daemon.take();
    REQUIRE(taken.size() == 1);
    CHECK(taken[0].job.attempt == 1);
}

TEST_CASE("a job that never reached its worker waits again at once, and it was no attempt") {
    WorkedOutside daemon;
    const auto first = daemon.submit(WorkedOutside::outside());
    const auto lost = daemon.take_one();
    CHECK(lost.job == first);
    daemon.leases->take_back({lost});
    daemon.settle();
    CHECK(daemon.state(first) == "queued");
    CHECK(daemon.attempts(first).empty());
    CHECK(daemon.snapshot().total.external_leases == 0);
    CHECK(daemon.complete(lost).error().code == Code::conflict); // stale
    const auto taken = daemon.take(2);
    REQUIRE(taken.size() == 1);
    CHECK(taken[0].job.id == first);
    CHECK(taken[0].job.attempt == 1);
    CHECK(daemon.complete(taken[0].token).has_value());
    CHECK(daemon.state(first) == "succeeded");

    daemon.leases->take_back({lost, taken[0].token}); // too late: it changes nothing
    daemon.settle();
    CHECK(daemon.state(first) == "succeeded");
    CHECK(daemon.snapshot().total.external_leases == 0);
    CHECK(daemon.dispatcher->backlog() == 0);
}

TEST_CASE("a job that is cancelled before it comes back from its worker stays cancelled") {
    WorkedOutside daemon;
    const auto id = daemon.submit(WorkedOutside::outside());
    const auto lost = daemon.take_one();
    REQUIRE(daemon.run(daemon.jobs->cancel(daemon.who, id)).has_value());
    daemon.leases->take_back({lost});
    daemon.settle();
    CHECK(daemon.state(id) == "cancelled");
    CHECK(daemon.take().empty());
    CHECK(daemon.dispatcher->backlog() == 0);
}

TEST_CASE("a job that could not be taken back at once is tried again when its lease is over") {
    WorkedOutside daemon;
    const auto id = daemon.submit(WorkedOutside::outside());
    const auto lost = daemon.take_one();
    daemon.die(); // before it was taken back
    daemon.tick();
    CHECK(daemon.state(id) == "running");
    daemon.pass(31s);
    daemon.pass(10s);
    CHECK(daemon.take().size() == 1);
    CHECK(daemon.complete(lost).error().code == Code::conflict);
}

TEST_CASE("a worker that has waited long enough goes away with nothing") {
    WorkedOutside daemon;
    auto waiting = std::async(std::launch::async, [&] {
        return daemon.run(daemon.leases->take(daemon.who, WorkedOutside::request(1, 60s)));
    });
    while (daemon.snapshot().total.waiting_workers == 0) std::this_thread::sleep_for(1ms);
    daemon.pass(60s);
    const auto taken = waiting.get();
    REQUIRE(taken.has_value());
    CHECK(taken->empty());
}

TEST_CASE("no more workers wait than may, and none when the daemon stops") {
    DispatcherOptions options;
    options.most_waiting_workers = 1;
    WorkedOutside daemon{options};
    auto waiting = std::async(std::launch::async, [&] {
        return daemon.run(daemon.leases->take(daemon.who, WorkedOutside::request(1, 60s)));
    });
    while (daemon.snapshot().total.waiting_workers == 0) std::this_thread::sleep_for(1ms);
    CHECK(daemon.run(daemon.leases->take(daemon.who, WorkedOutside::request())).error().code == Code::unavailable);
    daemon.stop();
    CHECK(waiting.get()->empty());
    CHECK(daemon.run(daemon.leases->take(daemon.who, WorkedOutside::request())).error().code == Code::unavailable);
}
