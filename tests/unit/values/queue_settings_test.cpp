#include "values/job.hpp"
#include "values/queue.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace millrace;
using values::QueueSettings;

namespace {

QueueSettings read(const std::string& text) {
    const auto settings = QueueSettings::from_json(json::parse(text));
    REQUIRE_MESSAGE(settings.has_value(), (settings ? "" : settings.error().detail));
    return *settings;
}

void check_refused(const std::string& text, const std::string& named) {
    const auto settings = QueueSettings::from_json(json::parse(text));
    REQUIRE_MESSAGE(!settings.has_value(), text);
    CHECK(settings.error().code == Code::unprocessable);
    CHECK_MESSAGE(settings.error().detail.find(named) != std::string::npos, settings.error().detail);
}

} // namespace

TEST_CASE("a queue that nobody has set has no limits, runs here and has a breaker") {
    const auto settings = read("{}");
    CHECK_FALSE(settings.external);
    CHECK(settings.breaker);
    CHECK_FALSE(settings.concurrency);
    CHECK_FALSE(settings.rate);
    CHECK_FALSE(settings.max_backlog);
    CHECK_FALSE(settings.retry);
    CHECK_FALSE(settings.max_attempts);
    CHECK_FALSE(settings.priority);
    CHECK_FALSE(settings.timeout_seconds);
}

TEST_CASE("every setting of a queue is read, and written back the same") {
    const std::string text =
        R"({"external":true,"concurrency":4,"rate":2.5,"max_backlog":1000,"retry":{"backoff":"fixed","first_seconds":3},)"
        R"("max_attempts":9,"priority":0,"timeout_seconds":0.5,"breaker":false})";
    for (const auto& settings : {read(text), read(json::serialize(read(text).to_json()))}) {
        CHECK(settings.external);
        CHECK(settings.concurrency == std::size_t{4});
        CHECK(settings.rate == 2.5);
        CHECK(settings.max_backlog == std::size_t{1000});
        CHECK(settings.retry.value().planned(2) == std::chrono::seconds{3});
        CHECK(settings.max_attempts == 9);
        CHECK(settings.priority == 0);
        CHECK(settings.timeout_seconds == 0.5);
        CHECK_FALSE(settings.breaker);
    }
    CHECK(json::serialize(read("{}").to_json()) ==
          json::serialize(read(json::serialize(read("{}").to_json())).to_json()));
}

TEST_CASE("null is no setting") {
    const auto settings = read(R"({"concurrency":null,"rate":null,"retry":null,"external":null,"breaker":null})");
    CHECK_FALSE(settings.concurrency);
    CHECK_FALSE(settings.external);
    CHECK(settings.breaker);
}

TEST_CASE("wrong settings are refused with the name of what is wrong") {
    check_refused("[]", "queue");
    check_refused("null", "queue");
    check_refused(R"({"concurency":4})", "concurency");
    check_refused(R"({"external":1})", "external");
    check_refused(R"({"breaker":"no"})", "breaker");
    check_refused(R"({"concurrency":0})", "concurrency");
    check_refused(R"({"concurrency":1.5})", "concurrency");
    check_refused(R"({"concurrency":1000001})", "concurrency");
    check_refused(R"({"rate":0})", "rate");
    check_refused(R"({"rate":-1})", "rate");
    check_refused(R"({"rate":1000001})", "rate");
    check_refused(R"({"max_backlog":0})", "max_backlog");
    check_refused(R"({"retry":{"backoff":"never"}})", "backoff");
    check_refused(R"({"max_attempts":0})", "max_attempts");
    check_refused(R"({"max_attempts":101})", "max_attempts");
    check_refused(R"({"priority":10})", "priority");
    check_refused(R"({"priority":-1})", "priority");
    check_refused(R"({"timeout_seconds":0})", "timeout_seconds");
    check_refused(R"({"timeout_seconds":86401})", "timeout_seconds");
}

TEST_CASE("the name of a queue is a plain word") {
    for (const char* name : {"a", "default", "night-jobs", "gpu_0", "0", "a-", "z9_"})
        CHECK(values::is_queue_name(name));
    CHECK(values::is_queue_name(std::string(63, 'q')));
    for (const char* name : {"", "-a", "_a", "A", "queue.1", "a b", "a/b", "ä", "a\n"})
        CHECK_FALSE(values::is_queue_name(name));
    CHECK_FALSE(values::is_queue_name(std::string(64, 'q')));
}

TEST_CASE("states and policies are read as they are written") {
    using values::JobState;
    for (const auto state : {JobState::scheduled, JobState::blocked, JobState::queued, JobState::running,
                             JobState::succeeded, JobState::dead, JobState::cancelled, JobState::expired})
        CHECK(values::job_state(values::name(state)) == state);
    CHECK_FALSE(values::job_state("done"));
    for (const auto policy : {values::OnFailure::fail, values::OnFailure::ignore, values::OnFailure::wait})
        CHECK(values::on_failure(values::name(policy)) == policy);
    CHECK_FALSE(values::on_failure("retry"));
}
