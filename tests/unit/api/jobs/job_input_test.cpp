#include "api/jobs/job_input.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

Result<values::NewJob> read(std::string_view text) { return read_new_job_text(text); }

std::string refused(std::string_view text) {
    const auto job = read(text);
    REQUIRE_FALSE(job.has_value());
    CHECK(job.error().code == Code::unprocessable);
    return job.error().detail;
}

bool names(std::string_view text, std::string_view member) { return refused(text).find(member) != std::string::npos; }

const std::string parent = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55";

} // namespace

TEST_CASE("a job needs only a kind; what is not said is left to its queue") {
    const auto job = read(R"({"kind":"echo"})");
    REQUIRE(job.has_value());
    CHECK(job->queue == "default");
    CHECK_FALSE(job->priority);
    CHECK_FALSE(job->max_attempts);
    CHECK_FALSE(job->timeout_seconds);
    CHECK_FALSE(job->retry);
    CHECK_FALSE(job->unique);
    CHECK(job->depends_on.empty());
    CHECK(job->payload == "{}");
    CHECK_FALSE(job->run_at);
}

TEST_CASE("every member is taken as sent") {
    const auto job = read(
        R"({"kind":"sleep","queue":"night-1","priority":9,"payload":{"seconds":2},"run_at":"2030-01-01T00:00:00Z",)"
        R"("expires_at":"2030-01-02T00:00:00Z","deadline_at":"2030-01-03T00:00:00Z","max_attempts":1,"timeout_seconds":2.5,)"
        R"("tags":{"site":"north"},"retry":{"backoff":"fixed","first_seconds":10},"unique_key":"order-17"})");
    REQUIRE(job.has_value());
    CHECK(job->queue == "night-1");
    CHECK(job->priority == 9);
    CHECK(job->payload == R"({"seconds":2})");
    CHECK(job->run_at->text() == "2030-01-01T00:00:00.000000Z");
    CHECK(job->expires_at->text() == "2030-01-02T00:00:00.000000Z");
    CHECK(job->deadline_at->text() == "2030-01-03T00:00:00.000000Z");
    CHECK(job->max_attempts == 1);
    CHECK(job->timeout_seconds == 2.5);
    CHECK(job->tags.at("site") == "north");
    CHECK(job->retry->backoff == values::RetryPolicy::Backoff::fixed);
    CHECK(job->unique->key == "order-17");
    CHECK(job->unique->states.size() == 4);
}

TEST_CASE("a member that is null is not there") {
    const auto job = read(
        R"({"kind":"echo","queue":null,"priority":null,"payload":null,"run_at":null,"retry":null,"unique":null,"depends_on":null,"tags":null})");
    REQUIRE(job.has_value());
    CHECK(job->queue == "default");
    CHECK(job->payload == "null"); // a payload like any other
}

TEST_CASE("a wrong member is named") {
    CHECK(names("[]", "object"));
    CHECK(names("{}", "kind"));
    CHECK(names(R"({"kind":""})", "kind"));
    CHECK(names(R"({"kind":"echo","prioritty":1})", "prioritty"));
    CHECK(names(R"({"kind":"echo","priority":10})", "priority"));
    CHECK(names(R"({"kind":"echo","priority":"5"})", "priority"));
    CHECK(names(R"({"kind":"echo","queue":"a b"})", "queue"));
    CHECK(names(R"({"kind":"echo","run_at":"tomorrow"})", "run_at"));
    CHECK(names(R"({"kind":"echo","expires_at":7})", "expires_at"));
    CHECK(names(R"({"kind":"echo","deadline_at":""})", "deadline_at"));
    CHECK(names(R"({"kind":"echo","tags":{"a":1}})", "tags"));
    CHECK(names(R"({"kind":"echo","timeout_seconds":0})", "timeout_seconds"));
    CHECK(names(R"({"kind":"echo","max_attempts":1.5})", "max_attempts"));
    CHECK(names(R"({"kind":"echo","retry":"never"})", "retry"));
    CHECK(names(R"({"kind":"echo","unique_key":""})", "unique_key"));
    CHECK(names(R"({"kind":"echo","unique_key":"a","unique":{"key":"a"}})", "not both"));
    CHECK(names(R"({"kind":"echo","unique":{}})", "key"));
    CHECK(names(R"({"kind":"echo","unique":{"key":"a","states":["happy"]}})", "states"));
    CHECK(names(R"({"kind":"echo","unique":{"key":"a","states":[]}})", "states"));
    CHECK(names(R"({"kind":"echo","unique":{"key":"a","period_seconds":0}})", "period_seconds"));
}

TEST_CASE("a unique key has states and a period of its own") {
    const auto job =
        read(R"({"kind":"echo","unique":{"key":"k","states":["running","succeeded"],"period_seconds":1.5}})");
    REQUIRE(job.has_value());
    CHECK(job->unique->states == std::vector{values::JobState::running, values::JobState::succeeded});
    CHECK(job->unique->period == std::chrono::microseconds{1'500'000});
}

TEST_CASE("a job depends on others by id, each with a policy for its failure") {
    const auto other = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c56";
    const auto job =
        read(R"({"kind":"echo","depends_on":[")" + parent + R"(",{"job":")" + other + R"(","on_failure":"wait"}]})");
    REQUIRE(job.has_value());
    REQUIRE(job->depends_on.size() == 2);
    CHECK(job->depends_on[0].parent.text() == parent);
    CHECK(job->depends_on[0].on_failure == values::OnFailure::fail);
    CHECK(job->depends_on[1].on_failure == values::OnFailure::wait);
}

TEST_CASE("a dependency that cannot be is refused") {
    CHECK(names(R"({"kind":"echo","depends_on":"x"})", "depends_on"));
    CHECK(names(R"({"kind":"echo","depends_on":["x"]})", "depends_on"));
    CHECK(names(R"({"kind":"echo","depends_on":[{"on_failure":"fail"}]})", "depends_on"));
    CHECK(names(R"({"kind":"echo","depends_on":[{"job":")" + parent + R"(","on_failure":"pray"}]})", "on_failure"));
    CHECK(names(R"({"kind":"echo","depends_on":[{"job":")" + parent + R"(","onfailure":"fail"}]})", "onfailure"));
    CHECK(names(R"({"kind":"echo","depends_on":[")" + parent + "\",\"" + parent + R"("]})", "twice"));
}
