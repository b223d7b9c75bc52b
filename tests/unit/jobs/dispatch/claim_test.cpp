// A claim on its way to the store while its job is ended, and put back in line.
#include "unit/jobs/queue_daemon.hpp"

namespace millrace::jobs::test {

TEST_CASE("a job that is cancelled and retried while its claim is on its way runs all the same") {
    QueueDaemon daemon;
    daemon.pause();
    const auto id = daemon.submit();
    asio::io_context context;
    std::future<Result<void>> cancelled, retried;
    {
        const QueueDaemon::HeldStore held{*daemon.database};
        cancelled = asio::co_spawn(context, daemon.jobs->cancel(daemon.who, id), asio::use_future);
        context.poll(); // as far as its write, which waits behind the held one
        retried = asio::co_spawn(context, daemon.jobs->retry(daemon.who, id, std::nullopt), asio::use_future);
        context.poll();
        daemon.set_rules_unstored({}); // resumed: it was taken from the line, and its claim stands behind the retry
    }
    context.run();
    CHECK(cancelled.get().has_value());
    CHECK(retried.get().has_value());
    daemon.settle();
    CHECK(daemon.state(id) == "running");
    CHECK(daemon.find(id).attempt == 1);
    CHECK(daemon.finish(id));
    CHECK(daemon.state(id) == "succeeded");
    CHECK(daemon.dispatcher->backlog() == 0);
    CHECK(daemon.snapshot().total.running == 0);
}

} // namespace millrace::jobs::test
