// What a waiting or running job can expect: its place in the line, how far it is, how long it takes.
#include "unit/jobs/queue_daemon.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;

namespace {

JobOutlook outlook(QueueDaemon& daemon, JobId id) { return daemon.run(daemon.jobs->outlook(daemon.find(id))); }

// So that jobs of this kind are known to take so long.
void take(QueueDaemon& daemon, std::chrono::microseconds time) {
    const auto id = daemon.submit();
    daemon.clock.pass(time);
    daemon.finish(id);
}

} // namespace

TEST_CASE("a waiting job knows how many begin before it") {
    QueueDaemon daemon;
    daemon.pause();
    std::vector<JobId> ids;
    for (int i = 0; i < 4; ++i) {
        ids.push_back(daemon.submit());
        daemon.clock.pass(1ms);
    }
    auto urgent = QueueDaemon::job();
    urgent.priority = 9;
    const auto first = daemon.submit(urgent);
    CHECK(outlook(daemon, first).position == 0);
    for (std::size_t i = 0; i < 4; ++i) CHECK(outlook(daemon, ids[i]).position == i + 1);
    CHECK_FALSE(outlook(daemon, ids[0]).progress_percent);
    CHECK_FALSE(outlook(daemon, ids[0]).seconds_remaining); // no job of this kind has ended yet
}

TEST_CASE("a blocked job has no place in the line") {
    QueueDaemon daemon;
    auto child = QueueDaemon::job();
    child.depends_on = {{daemon.submit(), values::OnFailure::fail}};
    CHECK_FALSE(outlook(daemon, daemon.submit(child)).position);
}

TEST_CASE("a running job that tells its progress is estimated by it") {
    QueueDaemon daemon;
    const auto id = daemon.submit();
    daemon.clock.pass(30s);
    daemon.puppet.progress(id, 75);
    daemon.settle();
    const auto its = outlook(daemon, id);
    CHECK(its.progress_percent == 75);
    REQUIRE(its.seconds_remaining);
    CHECK(*its.seconds_remaining == doctest::Approx(10));
    CHECK_FALSE(its.position);
}

TEST_CASE("progress beyond its bounds is cut to them") {
    QueueDaemon daemon;
    const auto id = daemon.submit();
    daemon.puppet.progress(id, 150);
    daemon.settle();
    CHECK(outlook(daemon, id).progress_percent == 100);
    daemon.puppet.progress(id, -5);
    daemon.settle();
    CHECK(outlook(daemon, id).progress_percent == 0);
}

TEST_CASE("a running job that tells nothing is estimated by what its kind takes in its queue") {
    QueueDaemon daemon;
    take(daemon, 40s);
    const auto id = daemon.submit();
    daemon.clock.pass(10s);
    const auto its = outlook(daemon, id);
    REQUIRE(its.seconds_remaining);
    CHECK(*its.seconds_remaining == doctest::Approx(30));
    CHECK(its.progress_percent == 25);
    daemon.clock.pass(10min); // longer than any before it
    CHECK(*outlook(daemon, id).seconds_remaining == 0);
    CHECK(outlook(daemon, id).progress_percent == 99);
}

TEST_CASE("a waiting job is estimated by its place and by what its kind takes") {
    QueueDaemon daemon;
    take(daemon, 4s);
    daemon.pause();
    const auto id = daemon.submit();
    const auto its = outlook(daemon, id);
    REQUIRE(its.seconds_remaining);
    CHECK(*its.seconds_remaining >= 4);
}

TEST_CASE("an ended job has no outlook") {
    QueueDaemon daemon;
    const auto id = daemon.submit();
    daemon.finish(id);
    const auto its = outlook(daemon, id);
    CHECK_FALSE(its.position);
    CHECK_FALSE(its.progress_percent);
    CHECK_FALSE(its.seconds_remaining);
}
