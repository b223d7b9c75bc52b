#include "jobs/why.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::jobs;
using values::BreakerView;
using values::JobState;
using values::OnFailure;

namespace {

const Timestamp now = *Timestamp::parse("2027-01-31T10:00:00Z");
const Timestamp later = *Timestamp::parse("2027-01-31T11:00:00Z");

values::Job job(JobState state = JobState::queued) {
    values::Job made;
    made.id = JobId::make();
    made.kind = "infer";
    made.queue = "nightly";
    made.resource = "digits";
    made.state = state;
    made.run_at = made.created_at = now;
    return made;
}

// Nothing is in the way of a job of the daemon's own.
Standing open() {
    Standing standing;
    standing.has_processor = true;
    standing.kind_concurrency = standing.slots = 8;
    standing.outlook.position = 0;
    return standing;
}

Why of(const values::Job& asked, const Standing& standing) { return why(asked, {}, standing, now); }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("a job that has ended says how, and what runs it again") {
    auto dead = job(JobState::dead);
    dead.attempt = 4;
    dead.finished_at = now;
    dead.error = values::JobError{"bad_input", "no picture"};
    const auto its = of(dead, {});
    CHECK(its.reason == "dead");
    CHECK(has(its.sentence, "4 of 4 attempts"));
    CHECK(has(its.sentence, "bad_input: no picture"));
    CHECK(has(its.remedy, "millrace job retry " + dead.id.text()));
    CHECK(of(job(JobState::cancelled), {}).reason == "cancelled");
    CHECK(of(job(JobState::expired), {}).reason == "expired");
    const auto good = of(job(JobState::succeeded), {});
    CHECK(good.reason == "succeeded");
    CHECK(good.remedy.empty());
}

TEST_CASE("a job whose time has not come says when it does") {
    auto planned = job(JobState::scheduled);
    planned.run_at = later;
    CHECK(of(planned, open()).reason == "run_at");
    CHECK(of(planned, open()).until == later);
    planned.attempt = 2;
    planned.error = values::JobError{"timed_out", "too slow"};
    const auto retry = of(planned, open());
    CHECK(retry.reason == "retry_at");
    CHECK(has(retry.sentence, "Attempt 2 of 4 failed (timed_out: too slow)"));
    CHECK(retry.until == later);
    planned.run_at = now; // it has come
    CHECK(of(planned, open()).reason == "next");
}

TEST_CASE("a blocked job names what it waits for") {
    const auto blocked = job(JobState::blocked);
    const auto first = JobId::make(), second = JobId::make();
    const auto both = why(blocked, {{first, JobState::running}, {second, JobState::queued}}, open(), now);
    CHECK(both.reason == "parents");
    CHECK(has(both.sentence, "2 jobs"));
    CHECK(has(both.sentence, first.text() + " (running)"));
    CHECK(has(both.remedy, "millrace job why " + first.text()));
    const auto one = why(blocked, {{first, JobState::succeeded}, {second, JobState::queued}}, open(), now);
    CHECK_FALSE(has(one.sentence, first.text()));
}

TEST_CASE("a job that waits for the success of one that failed says so, before all others") {
    const auto blocked = job(JobState::blocked);
    const auto failed = JobId::make(), open_one = JobId::make();
    const auto its =
        why(blocked, {{open_one, JobState::queued}, {failed, JobState::dead, OnFailure::wait}}, open(), now);
    CHECK(its.reason == "parent_failed");
    CHECK(has(its.sentence, failed.text() + " (dead)"));
    CHECK(has(its.remedy, "millrace job retry " + failed.text()));
}

TEST_CASE("only what has not ended, or must succeed first, holds up a job") {
    const auto id = JobId::make();
    CHECK(holds_up({id, JobState::scheduled, OnFailure::ignore}));
    CHECK(holds_up({id, JobState::running, OnFailure::fail}));
    CHECK(holds_up({id, JobState::cancelled, OnFailure::wait}));
    CHECK_FALSE(holds_up({id, JobState::succeeded, OnFailure::wait}));
    CHECK_FALSE(holds_up({id, JobState::dead, OnFailure::ignore}));
    CHECK_FALSE(holds_up({id, std::nullopt, OnFailure::wait}));
}

TEST_CASE("a paused queue is told with who paused it, why and until when") {
    auto standing = open();
    standing.pause = values::Pause{now, later, "the disk is being changed", "anna"};
    const auto its = of(job(), standing);
    CHECK(its.reason == "paused");
    CHECK(has(its.sentence, "\"nightly\" has been paused since 2027-01-31T10:00:00"));
    CHECK(has(its.sentence, "by anna"));
    CHECK(has(its.sentence, "the disk is being changed."));
    CHECK(its.until == later);
    CHECK(has(its.remedy, "millrace queue resume nightly"));
}

TEST_CASE("a job that nobody is there to do says who is missing") {
    Standing nobody;
    nobody.outlook.position = 0;
    CHECK(of(job(), nobody).reason == "no_processor");
    nobody.external = true;
    CHECK(of(job(), nobody).reason == "no_worker");
    nobody.waiting_workers = 1;
    CHECK(of(job(), nobody).reason == "next");
    nobody.waiting_workers = 0;
    nobody.external_leases = 1; // its worker is busy, and asks again
    CHECK(of(job(), nobody).reason == "next");
    auto standing = open();
    standing.obstacle = "there is no model \"digits\"";
    const auto its = of(job(), standing);
    CHECK(its.reason == "not_ready");
    CHECK(has(its.sentence, "there is no model \"digits\""));
}

TEST_CASE("an open breaker is told with its failures and its next try") {
    auto standing = open();
    standing.resource_breaker = {BreakerView::State::open, 10, 7, std::chrono::seconds{30}};
    const auto its = of(job(), standing);
    CHECK(its.reason == "breaker");
    CHECK(has(its.sentence, "\"digits\""));
    CHECK(has(its.sentence, "7 of the last 10"));
    CHECK(its.until == now + std::chrono::seconds{30});
    standing.queue_breaker = standing.resource_breaker;
    CHECK(has(of(job(), standing).sentence, "the queue \"nightly\""));
}

TEST_CASE("a half-open breaker holds up only while its probe runs") {
    auto standing = open();
    standing.queue_breaker.state = BreakerView::State::half_open;
    CHECK(of(job(), standing).reason == "next");
    standing.probing = true;
    CHECK(of(job(), standing).reason == "breaker");
}

TEST_CASE("each limit is told, with the place in line") {
    auto standing = open();
    standing.outlook.position = 3;
    standing.slots_taken = 8;
    CHECK(of(job(), standing).reason == "slots");
    standing.kind_running = 8;
    CHECK(of(job(), standing).reason == "kind_concurrency");
    standing.rate = 0.5;
    standing.next_token = std::chrono::seconds{2};
    CHECK(of(job(), standing).reason == "rate");
    CHECK(has(of(job(), standing).sentence, "0.5 jobs a second"));
    CHECK(of(job(), standing).until == now + std::chrono::seconds{2});
    standing.queue_concurrency = 2;
    standing.queue_running = 2;
    const auto its = of(job(), standing);
    CHECK(its.reason == "queue_concurrency");
    CHECK(has(its.sentence, "3 jobs come before it."));
    CHECK(has(its.remedy, "--concurrency"));
}

TEST_CASE("the daemon's slots do not limit external workers") {
    auto standing = open();
    standing.external = true;
    standing.waiting_workers = 1;
    standing.slots_taken = standing.kind_running = 8;
    CHECK(of(job(), standing).reason == "next");
}

TEST_CASE("a job in line says how many come before it and how long that takes") {
    auto standing = open();
    standing.outlook.position = 2;
    standing.outlook.seconds_remaining = 90;
    const auto its = of(job(), standing);
    CHECK(its.reason == "position");
    CHECK(its.sentence == "2 jobs come before it; at the present pace it is done in about 90 s.");
}

TEST_CASE("a running job says where and how far it is, and what keeps it") {
    auto runs = job(JobState::running);
    runs.attempt = 1;
    runs.worker = "gpu-7";
    auto standing = open();
    standing.begun = true;
    standing.outlook.progress_percent = 40;
    const auto its = of(runs, standing);
    CHECK(its.reason == "running");
    CHECK(its.sentence == "Attempt 1 of 4 runs at the worker \"gpu-7\", 40% done.");
    standing.obstacle = "the inference worker is restarting";
    CHECK(of(runs, standing).reason == "not_ready");
    CHECK(has(of(runs, standing).sentence, "but the inference worker is restarting."));
}

TEST_CASE("the first that stands in the way is told, whatever else does") {
    auto standing = open();
    standing.pause = values::Pause{now, {}, "", ""};
    standing.obstacle = "no engine";
    standing.queue_breaker = {BreakerView::State::open, 10, 10, std::chrono::seconds{1}};
    standing.queue_concurrency = 0;
    CHECK(of(job(), standing).reason == "paused");
    standing.pause.reset();
    CHECK(of(job(), standing).reason == "not_ready");
    standing.obstacle.clear();
    CHECK(of(job(), standing).reason == "breaker");
    standing.queue_breaker = {};
    CHECK(of(job(), standing).reason == "queue_concurrency");
    standing.queue_concurrency.reset();
    CHECK(of(job(), standing).reason == "next");
}
