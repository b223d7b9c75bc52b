#include "api/jobs/job_json.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

values::Job sample() {
    values::Job job;
    job.id = JobId::make();
    job.kind = "echo";
    job.queue = "default";
    job.payload = R"({"a":"\"quoted\""})";
    job.tags = "{}";
    job.created_at = job.run_at = Timestamp{1'000'000};
    return job;
}

} // namespace

TEST_CASE("what is written is JSON and says what the job is") {
    auto job = sample();
    job.error = values::JobError{"bad_input", "line one\n\"two\""};
    const auto written =
        parse_json(write_job(jobs::JobDetail{job, {{1, {1'000'000}, {2'000'000}, "failed", {"x", "y"}}}, {}}, {},
                             Timestamp{3'000'000}));
    REQUIRE(written.has_value());
    const auto& object = written->as_object();
    CHECK(object.at("id") == job.id.text().c_str());
    CHECK(object.at("payload").at("a") == "\"quoted\"");
    CHECK(object.at("error").at("message") == "line one\n\"two\"");
    CHECK(object.at("started_at").is_null());
    CHECK(object.at("attempts").as_array().size() == 1);
    CHECK(object.at("timeline").as_array().front().at("event") == "submitted");
}

TEST_CASE("a scheduled job whose time has come is shown as queued") {
    auto job = sample();
    job.state = values::JobState::scheduled;
    CHECK(parse_json(write_job(job, Timestamp{999'999}))->at("state") == "scheduled");
    CHECK(parse_json(write_job(job, Timestamp{1'000'000}))->at("state") == "queued");
}

TEST_CASE("a result says queued, processing, complete or failed") {
    auto job = sample();
    jobs::JobOutlook outlook;
    outlook.position = 3;
    CHECK(parse_json(write_result(job, outlook))->at("position") == 3);
    job.state = values::JobState::running;
    outlook.progress_percent = 45;
    outlook.seconds_remaining = 10;
    const auto running = parse_json(write_result(job, outlook));
    CHECK(running->at("status") == "processing");
    CHECK(running->at("progress_percent") == 45);
    job.state = values::JobState::succeeded;
    job.result = R"({"label":"7","model_version":"2"})";
    const auto done = parse_json(write_result(job, {}));
    CHECK(done->at("status") == "complete");
    CHECK(done->at("model_version") == "2");
    job.state = values::JobState::dead;
    job.error = values::JobError{"bad_input", "the image is truncated"};
    job.attempt = 4;
    const auto dead = parse_json(write_result(job, {}));
    CHECK(dead->at("status") == "failed");
    CHECK(dead->at("error") == "the image is truncated");
    CHECK(dead->at("attempts") == 4);
}

TEST_CASE("a page says where the next one begins, also when it is empty") {
    jobs::job_repository::JobPage page{{sample(), sample()}, {}};
    CHECK(parse_json(write_jobs(page, {}))->at("meta").at("next_cursor").is_null());
    CHECK(parse_json(write_jobs(page, {}))->at("data").as_array().size() == 2);
    page = {{}, JobId::make()};
    CHECK(parse_json(write_jobs(page, {}))->at("meta").at("next_cursor") == page.next->text().c_str());
    CHECK(parse_json(write_jobs(page, {}))->at("data").as_array().empty());
}

TEST_CASE("a job shows only the options that it has") {
    auto job = sample();
    const auto plain = parse_json(write_job(job, {}))->as_object();
    for (const auto* name : {"resource", "retry", "expires_at", "deadline_at", "unique_key", "flow", "worker",
                             "created_by", "blocked_by", "depends_on"})
        CHECK_FALSE(plain.contains(name));
    job.resource = "digits";
    job.retry = values::RetryPolicy{};
    job.expires_at = job.deadline_at = Timestamp{2'000'000};
    job.unique_key = "order \"17\"";
    job.flow = FlowId::make();
    job.flow_ref = "a";
    job.worker = "press-1";
    job.created_by = ActorId::make();
    job.state = values::JobState::blocked;
    job.blocked_by = 2;
    const auto full = parse_json(write_job(job, {}))->as_object();
    CHECK(full.at("resource") == "digits");
    CHECK(full.at("retry").at("backoff") == "exponential");
    CHECK(full.at("expires_at") == "1970-01-01T00:00:02.000000Z");
    CHECK(full.at("deadline_at") == "1970-01-01T00:00:02.000000Z");
    CHECK(full.at("unique_key") == "order \"17\"");
    CHECK(full.at("flow") == json::value{{"id", job.flow->text()}, {"ref", "a"}});
    CHECK(full.at("worker") == "press-1");
    CHECK(full.at("created_by") == job.created_by.text().c_str());
    CHECK(full.at("blocked_by") == 2);
}

TEST_CASE("the retries that remain are told in seconds, and when the next one comes") {
    const values::RetryPolicy policy;
    const Timestamp now{9'000'000};
    jobs::JobDetail detail{sample(), {}, {}};
    CHECK(planned_retries(detail, policy, now) == std::vector<double>{1, 2, 4});
    detail.job.state = values::JobState::running;
    detail.job.attempt = 1;
    CHECK(planned_retries(detail, policy, now) == std::vector<double>{1, 2, 4});

    detail.attempts = {{1, {1'000'000}, {2'000'000}, "failed", {"x", "y"}}};
    detail.job.state = values::JobState::scheduled;
    detail.job.run_at = Timestamp{10'000'000};
    CHECK(planned_retries(detail, policy, now) == std::vector<double>{1, 2, 4});
    CHECK(parse_json(write_job(detail, policy, now))->at("next_retry_at") == "1970-01-01T00:00:10.000000Z");
    CHECK(planned_retries(detail, policy, Timestamp{11'000'000}) == std::vector<double>{2, 4});
    detail.job.state = values::JobState::running;
    detail.job.attempt = 2;
    CHECK(planned_retries(detail, policy, now) == std::vector<double>{2, 4});
    CHECK_FALSE(parse_json(write_job(detail, policy, now))->as_object().contains("next_retry_at"));
    detail.job.state = values::JobState::dead;
    CHECK(planned_retries(detail, policy, now).empty());
}

TEST_CASE("a job that was lost with the daemon has lost no retry") {
    jobs::JobDetail detail{sample(), {{1, {1'000'000}, {2'000'000}, "lost", {"lost", "the daemon ended"}}}, {}};
    detail.job.attempt = 1;
    CHECK(planned_retries(detail, {}, {}) == std::vector<double>{1, 2, 4});
}

TEST_CASE("a job shows what it depends on") {
    const auto parent = JobId::make();
    const auto written =
        parse_json(write_job(jobs::JobDetail{sample(), {}, {{parent, values::OnFailure::ignore}}}, {}, {}));
    CHECK(written->at("depends_on") == json::value(json::array{{{"job", parent.text()}, {"on_failure", "ignore"}}}));
}

TEST_CASE("what waits for others or for its time is queued to whoever polls, without a position") {
    auto job = sample();
    for (const auto state : {values::JobState::blocked, values::JobState::scheduled}) {
        job.state = state;
        const auto written = parse_json(write_result(job, {}));
        CHECK(written->at("status") == "queued");
        CHECK(written->at("position").is_null());
    }
    job.state = values::JobState::queued;
    CHECK(parse_json(write_result(job, {}))->at("position") == 0);
    jobs::JobOutlook outlook;
    outlook.position = 2;
    outlook.seconds_remaining = 7.5;
    CHECK(parse_json(write_result(job, outlook))->at("estimated_seconds_remaining") == 7.5);
}
